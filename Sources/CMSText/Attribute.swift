import SwiftASN1
import Wire

/// ```
/// Attribute ::= SEQUENCE {
///   attrType    OBJECT IDENTIFIER,
///   attrValues  SET OF AttributeValue }
/// ```
///
/// RFC 5652 section 5.3.
struct Attribute {
    let type: ASN1ObjectIdentifier
    let values: [ASN1Node]
    let offset: Int

    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, "Attribute")
        type = try components.objectIdentifier("attrType")
        var set = try ComponentReader(components.required("attrValues"), tagged: .set, "attrValues")
        try components.finish()
        var values: [ASN1Node] = []
        while let value = set.any() { values.append(value) }
        self.values = values
        offset = node.offset
    }

    /// The one value of an attribute that must have one.
    func singleValue(_ production: StaticString) throws(ParseError) -> ASN1Node {
        guard let value = values.first else { throw ParseError(.missing, in: production, at: offset) }
        guard values.count == 1 else { throw ParseError(.duplicate, in: production, at: values[1].offset) }
        return value
    }
}
