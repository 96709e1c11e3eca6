import SwiftASN1
import Wire

/// ```
/// OriginatorInfo ::= SEQUENCE {
///   certs  [0] IMPLICIT CertificateSet OPTIONAL,
///   crls   [1] IMPLICIT RevocationInfoChoices OPTIONAL }
/// ```
///
/// RFC 5652 section 6.1. Held to its limits and skipped: nothing here needs an originator's certificate. Revocation
/// lists are refused.
enum OriginatorInfo {
    /// - Parameter node: `[0]` of EnvelopedData or AuthEnvelopedData.
    static func check(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, tagged: .context(0), "originatorInfo")
        if let set = components.optional(.context(0)) {
            var certificates = try ComponentReader(set, tagged: .context(0), "certs")
            var count = 0
            while let certificate = certificates.any() {
                count += 1
                guard count <= CMSLimits.originatorCertificates else {
                    throw ParseError(.tooMany, in: "certs", at: certificate.offset)
                }
            }
        }
        if let lists = components.optional(.context(1)) {
            throw ParseError(.unsupported, in: "crls", at: lists.offset)
        }
        try components.finish()
    }
}
