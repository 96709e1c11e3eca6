import SwiftASN1
import Wire

/// ```
/// ECC-CMS-SharedInfo ::= SEQUENCE {
///   keyInfo      AlgorithmIdentifier,
///   entityUInfo  [0] EXPLICIT OCTET STRING OPTIONAL,
///   suppPubInfo  [2] EXPLICIT OCTET STRING }
/// ```
///
/// RFC 5753 section 7.2: what the key derivation function takes in beside the shared secret. keyInfo is the wrap
/// algorithm, entityUInfo the ukm, suppPubInfo the bits of the key encryption key as four octets.
public struct ECCCMSSharedInfo: Sendable {
    /// The wrap algorithm's AlgorithmIdentifier in DER.
    public let keyInfo: ArraySlice<UInt8>
    /// The octets of ukm, when the message has it.
    public let userKeyingMaterial: ArraySlice<UInt8>?
    /// Octets of the key encryption key.
    public let keyLength: Int

    /// What goes into the key derivation, in the order of the structure.
    public init(keyInfo: ArraySlice<UInt8>, userKeyingMaterial: ArraySlice<UInt8>?, keyLength: Int) {
        self.keyInfo = keyInfo
        self.userKeyingMaterial = userKeyingMaterial
        self.keyLength = keyLength
    }

    /// The value in DER.
    public func encoded() -> [UInt8] {
        var coder = DER.Serializer()
        coder.appendConstructedNode(identifier: .sequence) { coder in
            coder.serializeRawBytes(keyInfo)
            if let userKeyingMaterial {
                coder.appendConstructedNode(identifier: .context(0)) { $0.append(octets: userKeyingMaterial) }
            }
            coder.appendConstructedNode(identifier: .context(2)) { coder in
                coder.appendPrimitiveNode(identifier: .octetString) { octets in
                    let bits = UInt32(truncatingIfNeeded: keyLength * 8)
                    for shift in stride(from: 24, through: 0, by: -8) {
                        octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift)))
                    }
                }
            }
        }
        return coder.serializedBytes
    }
}
