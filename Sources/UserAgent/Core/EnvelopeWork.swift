import CMSText
import Wire

/// Names a piece of work of the shell until its result.
struct WorkID: Hashable, Sendable {
    let call: CallNumber
    let number: Int
}

/// Names a content encryption key; its octets are in the shell.
struct KeyHandle: Hashable, Sendable {
    let value: Int
}

/// What is to be sealed, and how.
struct SealRequest: Equatable, Sendable {
    enum Method: Equatable, Sendable {
        /// Under a new key for these recipients.
        case recipients([RecipientID], ContentAlgorithm, reference: [UInt8])
        /// Under a new key that the key held wraps.
        case wrapped(KeyHandle)
        /// Under the key held itself.
        case direct(KeyHandle)
    }
    /// A MIME entity.
    var plaintext: [UInt8]
    var method: Method
}

/// A sealed body, or what is wrong, in words without a secret.
enum SealOutcome: Equatable, Sendable {
    /// The ContentInfo in DER; the key when it is a new one for recipients.
    case sealed([UInt8], BodyForm, newKey: HeldKey?)
    case failed(String)
}

/// What an envelope turned out to be.
enum OpenOutcome: Equatable, Sendable {
    case opened(OpenedBody)
    /// Anyone can see that it is wrong.
    case malformed(ParseError)
    /// Everything that depends on a key.
    case undecipherable
}

/// The inside of an envelope and how it was opened.
struct OpenedBody: Equatable, Sendable {
    /// A MIME entity with its own headers.
    var plaintext: [UInt8]
    var form: BodyForm
    var origin: KeyOrigin
    var reference: [UInt8]?
    /// The key that this message brings for the ones after it.
    var newKey: HeldKey?
    /// The key held that it has used.
    var usedKey: KeyHandle?
}

/// A key that a call holds for its later messages.
struct HeldKey: Equatable, Sendable {
    var handle: KeyHandle
    var algorithm: ContentAlgorithm
    /// Nil when it cannot be named, and therefore not be wrapped under.
    var reference: [UInt8]?
    /// How often messages may still be opened with it (CEKMaxDecrypts); nil is for as long as the call lasts.
    var usesLeft: Int?
}

/// What the user's rules say of a certificate that came in a 496.
enum CertificateVerdict: Equatable, Sendable {
    case trusted(Disclosure)
    case refused(String)
}
