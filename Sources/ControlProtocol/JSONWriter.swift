internal import Wire

/// Writes one JSON document (RFC 8259) into octets, without spaces.
///
/// The caller sees to it that inside an object there are members and elsewhere values; commas and escapes are seen to
/// here.
package struct JSONWriter {
    package private(set) var output: [UInt8] = []
    /// Whether a value stands before the next one in the same array or object.
    private var needsComma = false

    /// An empty document.
    package init() {}

    /// An object; its members are written by the body.
    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        enclosed(by: "{", "}", body)
    }

    /// An array; its values are written by the body.
    package mutating func array(_ body: (inout JSONWriter) -> Void) {
        enclosed(by: "[", "]", body)
    }

    /// The name of a member; its value is written by the body.
    package mutating func member(_ name: String, _ body: (inout JSONWriter) -> Void) {
        text(Array(name.utf8))
        append(":")
        needsComma = false
        body(&self)
    }

    package mutating func number(_ value: UInt64) {
        separate()
        ASCII.append(decimal: value, to: &output)
    }

    /// A value as it was read.
    package mutating func value(_ value: JSONValue) {
        switch value.content {
        case .null: null()
        case .flag(let flag): self.flag(flag)
        case .number(let number): self.number(number)
        case .negative(let number):
            separate()
            append("-")
            ASCII.append(decimal: number, to: &output)
        case .text(let text): self.text(Array(text.utf8))
        case .array(let items): array { writer in for item in items { writer.value(item) } }
        case .object(let members):
            object { writer in for member in members { writer.member(member.name) { $0.value(member.value) } } }
        }
    }

    package mutating func flag(_ value: Bool) {
        separate()
        append(value ? "true" : "false")
    }

    package mutating func null() {
        separate()
        append("null")
    }

    mutating func text(_ text: String) { self.text(Array(text.utf8)) }

    /// A string of any octets: what is no UTF-8 becomes U+FFFD, and what a terminal would obey is escaped, so that the
    /// document can be looked at as it is.
    package mutating func text(_ octets: [UInt8]) {
        separate()
        append("\"")
        for scalar in String(decoding: octets, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\"": append("\\\"")
            case "\\": append("\\\\")
            case _ where TextSafety.isActive(scalar): escape(scalar)
            case _: output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        append("\"")
    }

    /// `\u` and four digits: enough, since every scalar that is escaped lies in the basic plane.
    private mutating func escape(_ scalar: Unicode.Scalar) {
        let digits = String(scalar.value, radix: 16)
        append("\\u")
        append(String(repeating: "0", count: 4 - digits.utf8.count))
        append(digits)
    }

    private mutating func enclosed(by opening: String, _ closing: String, _ body: (inout JSONWriter) -> Void) {
        separate()
        append(opening)
        needsComma = false
        body(&self)
        append(closing)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { append(",") }
        needsComma = true
    }

    private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }
}
