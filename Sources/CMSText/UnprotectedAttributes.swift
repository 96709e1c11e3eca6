import SwiftASN1
public import Wire

/// ```
/// UnprotectedAttributes ::= SET SIZE (1..MAX) OF Attribute
///
/// -- id-aa-CEKReference, id-aa-CEKMaxDecrypts, id-aa-KEKDerivationAlg
/// CEKReference    ::= OCTET STRING
/// CEKMaxDecrypts  ::= INTEGER
/// KEKDerivationAlgorithm ::= SEQUENCE {
///   kekAlg       AlgorithmIdentifier,
///   pbkdf2Param  PBKDF2-params }
/// ```
///
/// RFC 5652 section 6.1, RFC 3185 sections 3 and 4: how a content encryption key can be used again. In
/// AuthEnvelopedData they stand among the unauthenticated attributes (RFC 5083 section 2.1). Nothing protects them.
/// Other attributes are skipped.
public struct UnprotectedAttributes: Hashable, Sendable {
    /// The name under which later messages refer to this message's key.
    public let cekReference: ArraySlice<UInt8>?
    /// How many messages after this one may use the key: 1 to `CMSLimits.maxDecrypts`.
    public let cekMaxDecrypts: Int?
    /// Whether KEKDerivationAlgorithm is there.
    public let namesKEKDerivation: Bool

    /// - Parameters:
    ///   - cekReference: 1 to `CMSLimits.keyReferenceLength` octets.
    ///   - cekMaxDecrypts: only together with a reference.
    public init(cekReference: ArraySlice<UInt8>?, cekMaxDecrypts: Int?) throws(ParseError) {
        if let cekReference { try Self.check(reference: cekReference) }
        if let cekMaxDecrypts, !(1...CMSLimits.maxDecrypts).contains(cekMaxDecrypts) {
            throw ParseError(.badNumber, in: "CEKMaxDecrypts", at: 0)
        }
        guard cekMaxDecrypts == nil || cekReference != nil else {
            throw ParseError(.missing, in: "CEKReference", at: 0)
        }
        self.cekReference = cekReference
        self.cekMaxDecrypts = cekMaxDecrypts
        namesKEKDerivation = false
    }

    /// No attributes.
    static let none = UnprotectedAttributes()

    private init() {
        cekReference = nil
        cekMaxDecrypts = nil
        namesKEKDerivation = false
    }

    /// - Parameter node: the set under its implicit tag.
    init(_ node: ASN1Node, tagged identifier: ASN1Identifier, _ production: StaticString) throws(ParseError) {
        var reader = try ComponentReader(node, tagged: identifier, production)
        var reference: ArraySlice<UInt8>?
        var maxDecrypts: Int?
        var derivation = false
        var count = 0
        while let element = reader.any() {
            count += 1
            guard count <= CMSLimits.attributes else { throw ParseError(.tooMany, in: production, at: element.offset) }
            let attribute = try Attribute(element)
            switch attribute.type {
            case ObjectIdentifiers.cekReference:
                guard reference == nil else { throw ParseError(.duplicate, in: "CEKReference", at: element.offset) }
                let value = try attribute.singleValue("CEKReference")
                guard value.identifier == .octetString else {
                    throw ParseError(.unexpectedOctet, in: "CEKReference", at: value.offset)
                }
                let octets = try value.primitiveContent("CEKReference")
                try Self.check(reference: octets)
                reference = octets
            case ObjectIdentifiers.cekMaxDecrypts:
                guard maxDecrypts == nil else { throw ParseError(.duplicate, in: "CEKMaxDecrypts", at: element.offset) }
                let value = try attribute.singleValue("CEKMaxDecrypts")
                let number = try value.integer("CEKMaxDecrypts")
                guard (1...CMSLimits.maxDecrypts).contains(number) else {
                    throw ParseError(.badNumber, in: "CEKMaxDecrypts", at: value.offset)
                }
                maxDecrypts = number
            case ObjectIdentifiers.kekDerivationAlgorithm:
                derivation = true
            default:
                break
            }
        }
        guard count > 0 else { throw ParseError(.missing, in: production, at: node.offset) }
        guard maxDecrypts == nil || reference != nil else {
            throw ParseError(.missing, in: "CEKReference", at: node.offset)
        }
        cekReference = reference
        cekMaxDecrypts = maxDecrypts
        namesKEKDerivation = derivation
    }

    private static func check(reference: ArraySlice<UInt8>) throws(ParseError) {
        guard !reference.isEmpty else { throw ParseError(.missing, in: "CEKReference", at: reference.startIndex) }
        guard reference.count <= CMSLimits.keyReferenceLength else {
            throw ParseError(.tooLong, in: "CEKReference", at: reference.startIndex)
        }
    }

    /// Whether there is nothing to write.
    var isEmpty: Bool { cekReference == nil && cekMaxDecrypts == nil }

    /// Appends the set under an implicit tag; nothing when it is empty.
    func serialize(into coder: inout DER.Serializer, tagged identifier: ASN1Identifier) throws {
        guard !isEmpty else { return }
        var attributes: [EncodedAttribute] = []
        if let cekReference {
            attributes.append(EncodedAttribute(type: ObjectIdentifiers.cekReference, value: .octets(cekReference)))
        }
        if let cekMaxDecrypts {
            attributes.append(EncodedAttribute(type: ObjectIdentifiers.cekMaxDecrypts, value: .integer(cekMaxDecrypts)))
        }
        try coder.serializeSetOf(attributes, tagged: identifier)
    }
}

/// An attribute on its way out.
private struct EncodedAttribute: DERWritable {
    enum Value {
        case octets(ArraySlice<UInt8>)
        case integer(Int)
    }

    let type: ASN1ObjectIdentifier
    let value: Value

    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(type)
            try coder.appendConstructedNode(identifier: .set) { coder in
                switch value {
                case .octets(let octets): coder.append(octets: octets)
                case .integer(let number): try coder.serialize(number)
                }
            }
        }
    }
}
