import SwiftASN1
import Wire

/// ```
/// ContentEncryptionAlgorithmIdentifier ::= AlgorithmIdentifier
///
/// -- id-aes128-CBC, id-aes256-CBC
/// AES-IV ::= OCTET STRING (SIZE(16))
/// -- id-aes128-GCM, id-aes256-GCM: GCMParameters
/// ```
///
/// RFC 5652 section 10.1.4, RFC 3565 section 4.2, RFC 5084 section 3.2.
public struct ContentEncryptionAlgorithm: Hashable, Sendable {
    /// The algorithm without its parameters.
    public let algorithm: ContentAlgorithm
    /// The nonce of GCM or the initialization vector of CBC, of the length its algorithm wants.
    public let nonce: ArraySlice<UInt8>

    /// - Parameter nonce: `algorithm.nonceLength` octets.
    public init(_ algorithm: ContentAlgorithm, nonce: ArraySlice<UInt8>) {
        self.algorithm = algorithm
        self.nonce = nonce
    }

    /// - Parameter authenticated: whether the structure around wants an algorithm that authenticates. GCM belongs to
    ///   AuthEnvelopedData alone and CBC never does (RFC 5084 section 1, RFC 5083 section 2).
    init(_ node: ASN1Node, authenticated: Bool) throws(ParseError) {
        let identifier = try AlgorithmIdentifier(node, "contentEncryptionAlgorithm")
        guard let algorithm = ContentAlgorithm(identifier.algorithm), algorithm.isAuthenticated == authenticated else {
            throw ParseError(.unsupported, in: "contentEncryptionAlgorithm", at: node.offset)
        }
        guard let parameters = identifier.parameters else {
            throw ParseError(.missing, in: "contentEncryptionAlgorithm parameters", at: node.encodedBytes.endIndex)
        }
        self.algorithm = algorithm
        switch algorithm {
        case .aes128GCM, .aes256GCM:
            nonce = try GCMParameters(parameters).nonce
        case .aes128CBC, .aes256CBC:
            guard parameters.identifier == .octetString else {
                throw ParseError(.unexpectedOctet, in: "AES-IV", at: parameters.offset)
            }
            nonce = try parameters.primitiveContent("AES-IV")
            guard nonce.count == CMSLimits.cbcInitializationVectorLength else {
                throw ParseError(.unsupported, in: "AES-IV", at: parameters.offset)
            }
        }
    }
}

extension ContentEncryptionAlgorithm: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        try coder.append(algorithm: algorithm.identifier) { coder in
            switch algorithm {
            case .aes128GCM, .aes256GCM: try coder.serialize(GCMParameters(nonce: nonce))
            case .aes128CBC, .aes256CBC: coder.append(octets: nonce)
            }
        }
    }
}
