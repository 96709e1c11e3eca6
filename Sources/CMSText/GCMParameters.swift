import SwiftASN1
import Wire

/// ```
/// GCMParameters ::= SEQUENCE {
///   aes-nonce   OCTET STRING, -- recommended size is 12 octets
///   aes-ICVlen  AES-GCM-ICVlen DEFAULT 12 }
///
/// AES-GCM-ICVlen ::= INTEGER (12 | 13 | 14 | 15 | 16)
/// ```
///
/// RFC 5084 section 3.2. Only a nonce of 12 and a tag of 16 octets are taken and written: libcrypto's CMS code was
/// overrun through the one (CVE-2025-15467) and accepts a tag of 4 octets. An absent aes-ICVlen means 12 and is refused
/// like a written 12.
struct GCMParameters: Hashable, Sendable {
    let nonce: ArraySlice<UInt8>

    init(nonce: ArraySlice<UInt8>) { self.nonce = nonce }

    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, "GCMParameters")
        nonce = try components.octetString("aes-nonce")
        guard nonce.count == CMSLimits.gcmNonceLength else {
            throw ParseError(.unsupported, in: "aes-nonce", at: nonce.startIndex)
        }
        guard let length = components.optional(.integer) else {
            throw ParseError(.unsupported, in: "aes-ICVlen", at: node.encodedBytes.endIndex)
        }
        guard try length.integer("aes-ICVlen") == CMSLimits.gcmTagLength else {
            throw ParseError(.unsupported, in: "aes-ICVlen", at: length.offset)
        }
        try components.finish()
    }
}

extension GCMParameters: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            coder.append(octets: nonce)
            try coder.serialize(CMSLimits.gcmTagLength)
        }
    }
}
