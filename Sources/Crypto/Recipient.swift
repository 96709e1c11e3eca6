public import CMSText

/// Who can open a sealed envelope, and how the key is brought to them.
public enum Recipient {
    /// The holder of a certificate, named by issuer and serial number.
    case certificate(Certificate, Options = Options())
    /// The holder of a key that has no certificate yet, named by its subject key identifier.
    case publicKey(PublicKey, Options = Options())
    /// Everyone who holds this key of an earlier message (RFC 3185); it must have a reference.
    case contentKey(ContentKey)

    /// What older peers need otherwise than RFC 8591 section 4 and RFC 8551 section 2.3 want it.
    public struct Options: Sendable {
        /// For RSA keys: OAEP with SHA-256 when nothing else is said.
        public var keyTransport: KeyTransRecipientInfo.Algorithm
        /// For P-256 keys: the hash of the key derivation function, SHA-256 when nothing else is said.
        public var keyDerivationHash: DigestAlgorithm
        /// For P-256 keys: nil for the one as strong as the content encryption key.
        public var keyWrap: KeyWrapAlgorithm?

        /// Everything by default is what RFC 8591 and RFC 8551 want.
        public init(
            keyTransport: KeyTransRecipientInfo.Algorithm = .rsaOAEP(
                RSAESOAEPParameters(hash: .sha256, maskGenerationHash: .sha256)),
            keyDerivationHash: DigestAlgorithm = .sha256, keyWrap: KeyWrapAlgorithm? = nil
        ) {
            self.keyTransport = keyTransport
            self.keyDerivationHash = keyDerivationHash
            self.keyWrap = keyWrap
        }
    }
}
