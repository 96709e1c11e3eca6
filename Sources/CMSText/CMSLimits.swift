/// How much of everything a message may hold. All of these are looked at before any key is used.
///
/// RFC 5652 bounds nothing but the integers. The numbers leave room for what SIP carries: one SDP body or one
/// certificate, for a callee and a few servers on the way.
public enum CMSLimits {
    /// Octets of a whole ContentInfo. A SIP message over UDP ends at 65,535 octets (RFC 3261 section 18.1.1) and base64
    /// makes four octets of three (RFC 2045 section 6.8), so that no larger one arrives in either transfer encoding.
    public static let messageSize = 48 * 1024

    /// How deep ASN.1 values nest. The deepest path of RFC 5652 that is used here, to an attribute value of an issuer's
    /// name in a KeyAgreeRecipientInfo, is 12 deep. This is swift-asn1's own limit (`_maximumNodeDepth`), which bounds
    /// its recursion; our own reading follows the structures and goes no deeper than they do, so that a second count
    /// of every message would find nothing.
    public static let depth = 50

    /// RecipientInfo values, each RecipientEncryptedKey of a KeyAgreeRecipientInfo counted (RFC 5652 section 6.2): the
    /// callee, the sender itself, and servers on the way.
    public static let recipients = 8

    /// KEKRecipientInfo values among the recipients (RFC 5652 section 6.2.3): one key held, and one beside it while it
    /// is being replaced (RFC 3185 section 5).
    public static let keyEncryptionKeyRecipients = 2

    /// PasswordRecipientInfo values among the recipients (RFC 5652 section 6.2.4): each costs whoever tries it a key
    /// derivation, and one password is all that two peers share.
    public static let passwordRecipients = 1

    /// Attributes in any one set: the three of RFC 3185 and one more.
    public static let attributes = 4

    /// Octets of a CEKReference and of a KEKIdentifier's keyIdentifier. RFC 3185 section 3 makes it an OCTET STRING of
    /// any length; senders put a random string or a Message-ID into it.
    public static let keyReferenceLength = 255

    /// The largest CEKMaxDecrypts: RFC 3185 section 3 gives INTEGER no upper bound in effect; this one is the largest
    /// that its module names.
    public static let maxDecrypts = 2_147_483_647

    /// Certificates in an OriginatorInfo (RFC 5652 section 6.1); they are skipped.
    public static let originatorCertificates = 4

    /// Octets of a GCM nonce: RFC 5084 section 3.2 recommends 12; every other length hashes the nonce first and brings
    /// collisions nearer.
    public static let gcmNonceLength = 12

    /// Octets of a GCM authentication tag: RFC 5084 section 3.2 allows 12 to 16; a short one can be forged.
    public static let gcmTagLength = 16

    /// Octets of an initialization vector of AES-CBC, which is one block (RFC 3565 section 4.2).
    public static let cbcInitializationVectorLength = 16
}
