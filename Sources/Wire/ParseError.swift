/// Why octets from outside were refused: what kind of fault, in which production of the grammar, at which octet.
///
/// Two errors are equal when code and offset are; the production is for people.
public struct ParseError: Error, Sendable {
    /// The kind of fault.
    public enum Code: UInt8, Sendable {
        /// The input ends where more is needed.
        case truncated
        /// An octet that the grammar does not allow here.
        case unexpectedOctet
        /// A number out of its range, or no number.
        case badNumber
        /// An address that is none.
        case badAddress
        /// Something that must be there is not.
        case missing
        /// Something that may be there once is there again.
        case duplicate
        /// Longer than the stated limit.
        case tooLong
        /// More in number than the stated limit.
        case tooMany
        /// Nested deeper than the stated limit.
        case tooDeep
        /// Well formed, but of a kind that this code does not read.
        case unsupported
        /// Two parts of the input contradict each other.
        case inconsistent
    }

    /// The kind of fault.
    public let code: Code
    /// The production or field being read, in the words of its standard: `Content-Length`, `sent-by`, `m=`.
    public let production: StaticString
    /// Octets from the start of the input.
    public let offset: Int

    /// A fault of this kind in a production, at an octet of the input.
    public init(_ code: Code, in production: StaticString, at offset: Int) {
        self.code = code
        self.production = production
        self.offset = offset
    }
}

extension ParseError: Equatable {
    /// Whether code and offset are equal.
    public static func == (a: ParseError, b: ParseError) -> Bool { a.code == b.code && a.offset == b.offset }
}

extension ParseError: CustomStringConvertible {
    /// The production, the fault in words, and the octet.
    public var description: String { "\(production): \(code.phrase) at octet \(offset)" }
}

extension ParseError.Code {
    /// The fault in words fit for a reason phrase: no quotes, no line ends, nothing from the input.
    public var phrase: StaticString {
        switch self {
        case .truncated: "ends too early"
        case .unexpectedOctet: "unexpected octet"
        case .badNumber: "bad number"
        case .badAddress: "bad address"
        case .missing: "missing"
        case .duplicate: "given twice"
        case .tooLong: "too long"
        case .tooMany: "too many"
        case .tooDeep: "nested too deep"
        case .unsupported: "not supported"
        case .inconsistent: "contradicts itself"
        }
    }
}
