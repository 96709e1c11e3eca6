package import Wire

/// A value of a JSON document and where it starts: as much of JSON as the control protocol and nft's listings use. Numbers
/// are whole.
package struct JSONValue: Sendable {
    package enum Content: Sendable {
        case null
        case flag(Bool)
        case number(UInt64)
        /// What a number below zero is below it.
        case negative(UInt64)
        case text(String)
        case array([JSONValue])
        /// Members in the order of the document, no name twice.
        case object([Member])
    }

    package struct Member: Sendable {
        package let name: String
        package let value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    package let content: Content
    /// Octets from the start of the document.
    package let offset: Int

    package init(content: Content, offset: Int) {
        self.content = content
        self.offset = offset
    }

    /// The member of an object, or nil when the value is no object or has no such member.
    package func member(_ name: String) -> JSONValue? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The member of an object that must be there.
    package func required(_ name: StaticString) throws(ParseError) -> JSONValue {
        guard let value = member("\(name)") else { throw ParseError(.missing, in: name, at: offset) }
        return value
    }

    func number(_ name: StaticString) throws(ParseError) -> UInt64 {
        let value = try required(name)
        guard case .number(let number) = value.content else { throw value.mismatch(name) }
        return number
    }

    func flag(_ name: StaticString) throws(ParseError) -> Bool {
        let value = try required(name)
        guard case .flag(let flag) = value.content else { throw value.mismatch(name) }
        return flag
    }

    package func text(_ name: StaticString) throws(ParseError) -> String {
        let value = try required(name)
        guard case .text(let text) = value.content else { throw value.mismatch(name) }
        return text
    }

    func endpoint(_ name: StaticString) throws(ParseError) -> Endpoint {
        guard let endpoint = Endpoint(try text(name)) else { throw ParseError(.badAddress, in: name, at: offset) }
        return endpoint
    }

    package func array(_ name: StaticString) throws(ParseError) -> [JSONValue] {
        let value = try required(name)
        guard case .array(let items) = value.content else { throw value.mismatch(name) }
        return items
    }

    func word<Word: RawRepresentable<String>>(_ name: StaticString) throws(ParseError) -> Word {
        guard let word = Word(rawValue: try text(name)) else { throw try required(name).mismatch(name) }
        return word
    }

    /// The member is of another kind than it has to be.
    func mismatch(_ name: StaticString) -> ParseError { ParseError(.unsupported, in: name, at: offset) }
}
