import SwiftASN1
import Wire

/// ```
/// Attribute ::= SEQUENCE {
///   attrType    OBJECT IDENTIFIER,
///   attrValues  SET OF AttributeValue }
/// ```
///
/// RFC 5652 section 5.3. No attribute that is read here may have more than one value; only the first is kept.
struct Attribute {
    let type: ASN1ObjectIdentifier
    private let value: ASN1Node?
    /// Where a second value begins, if there is one.
    private let secondOffset: Int?
    private let offset: Int

    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, "Attribute")
        type = try components.objectIdentifier("attrType")
        var set = try ComponentReader(components.required("attrValues"), tagged: .set, "attrValues")
        try components.finish()
        value = set.any()
        secondOffset = set.any()?.offset
        offset = node.offset
    }

    /// The one value of an attribute that must have one.
    func singleValue(_ production: StaticString) throws(ParseError) -> ASN1Node {
        guard let value else { throw ParseError(.missing, in: production, at: offset) }
        if let secondOffset { throw ParseError(.duplicate, in: production, at: secondOffset) }
        return value
    }
}
