import SwiftASN1
import Wire

/// Takes the components of one constructed value from left to right, as an ASN.1 module lists them.
///
/// Every error carries the octet at which the component stands, or should.
struct ComponentReader: ~Copyable {
    private var iterator: ASN1NodeCollection.Iterator
    private var next: ASN1Node?
    private let production: StaticString
    /// Where the value that is read ends.
    private let end: Int

    /// - Throws: `unexpectedOctet` when the value has another tag, or is primitive.
    init(
        _ node: ASN1Node, tagged identifier: ASN1Identifier = .sequence, _ production: StaticString
    ) throws(ParseError) {
        guard node.identifier == identifier, case .constructed(let components) = node.content else {
            throw ParseError(.unexpectedOctet, in: production, at: node.offset)
        }
        iterator = components.makeIterator()
        next = iterator.next()
        self.production = production
        end = node.encodedBytes.endIndex
    }

    /// Moves the next component out: a copy of it would cost more than all else that is done with it.
    private mutating func take() -> ASN1Node? {
        let node = next.take()
        next = iterator.next()
        return node
    }

    /// The next component when it has this tag.
    mutating func optional(_ identifier: ASN1Identifier) -> ASN1Node? {
        next?.identifier == identifier ? take() : nil
    }

    /// The next component whatever its tag, or nil at the end.
    mutating func any() -> ASN1Node? { take() }

    /// The next component, whatever its tag: a CHOICE or ANY.
    mutating func required(_ component: StaticString) throws(ParseError) -> ASN1Node {
        guard let node = take() else { throw ParseError(.missing, in: component, at: end) }
        return node
    }

    /// The next component, which must have this tag.
    mutating func required(
        _ identifier: ASN1Identifier, _ component: StaticString
    ) throws(ParseError) -> ASN1Node {
        guard let node = take() else { throw ParseError(.missing, in: component, at: end) }
        guard node.identifier == identifier else {
            throw ParseError(.unexpectedOctet, in: component, at: node.offset)
        }
        return node
    }

    /// The content of the next component, an OCTET STRING.
    mutating func octetString(_ component: StaticString) throws(ParseError) -> ArraySlice<UInt8> {
        try required(.octetString, component).primitiveContent(component)
    }

    /// The next component, an INTEGER that fits.
    mutating func integer(_ component: StaticString) throws(ParseError) -> Int {
        try required(.integer, component).integer(component)
    }

    /// The next component, an OBJECT IDENTIFIER.
    mutating func objectIdentifier(_ component: StaticString) throws(ParseError) -> ASN1ObjectIdentifier {
        try required(.objectIdentifier, component).objectIdentifier(component)
    }

    /// - Throws: `unexpectedOctet` when a component is left over.
    func finish() throws(ParseError) {
        if let next { throw ParseError(.unexpectedOctet, in: production, at: next.offset) }
    }
}

extension ASN1Node {
    /// Octets from the start of the message to this value's tag.
    var offset: Int { encodedBytes.startIndex }

    /// The content octets of a primitive value.
    func primitiveContent(_ production: StaticString) throws(ParseError) -> ArraySlice<UInt8> {
        switch content {
        case .primitive(let octets): return octets
        case .constructed: throw ParseError(.unsupported, in: production, at: offset)
        }
    }

    /// The value of an INTEGER that fits.
    func integer(_ production: StaticString) throws(ParseError) -> Int {
        do { return try Int(derEncoded: self) } catch { throw ParseError(.badNumber, in: production, at: offset) }
    }

    /// The value of an OBJECT IDENTIFIER.
    func objectIdentifier(_ production: StaticString) throws(ParseError) -> ASN1ObjectIdentifier {
        do { return try ASN1ObjectIdentifier(derEncoded: self) } catch {
            throw ParseError(error, in: production, at: offset)
        }
    }
}

extension ASN1Identifier {
    /// `[number]`.
    static func context(_ number: UInt) -> ASN1Identifier {
        ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific)
    }
}

extension ParseError {
    /// What swift-asn1 found wrong, in the words of this package. Its errors have no position; the caller's is used.
    init(_ error: any Error, in production: StaticString, at offset: Int) {
        guard let error = error as? ASN1Error else {
            self.init(.unexpectedOctet, in: production, at: offset)
            return
        }
        let code: Code =
            switch error.code {
            case .truncatedASN1Field: .truncated
            case .unsupportedFieldLength: .unsupported
            case .invalidASN1IntegerEncoding: .badNumber
            default: .unexpectedOctet
            }
        self.init(code, in: production, at: offset)
    }
}
