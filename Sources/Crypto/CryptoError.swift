import COpenSSL

/// Why something could not be made or read that depends on no one's secret: a key file, a certificate, an envelope that
/// is to be sealed.
///
/// Envelopes that cannot be opened have `EnvelopeError`, which says less.
public struct CryptoError: Error, Sendable {
    /// The kind of fault.
    public enum Code: Sendable {
        /// libcrypto refused; the reason is its own.
        case library
        /// Well formed, but not what this module works with.
        case unsupported
        /// Two things that do not belong together.
        case mismatch
        /// Over a limit of `CMSLimits`, or otherwise out of range.
        case outOfRange
        /// A key that has been wiped already.
        case wiped
        /// A file that cannot be read.
        case file
    }

    /// The kind of fault; errors of one kind are equal.
    public let code: Code
    /// What was being done, in words that follow "while".
    public let operation: StaticString
    /// What is wrong and, where that can be said, what to do.
    public let reason: String

    /// The words go into messages for operators: nothing secret, nothing from outside.
    public init(_ code: Code, while operation: StaticString, _ reason: String) {
        self.code = code
        self.operation = operation
        self.reason = reason
    }

    /// A file that cannot be read, and why.
    static func file(_ path: String, _ reason: String) -> CryptoError {
        CryptoError(.file, while: "reading a key file", "\(path): \(reason)")
    }

    /// What libcrypto has on its error queue, which is drained.
    static func library(_ operation: StaticString) -> CryptoError {
        let code = ERR_peek_last_error()
        let reason =
            ERR_reason_error_string(code).map { String(cString: $0) }
            ?? (code == 0 ? "no reason given" : "libcrypto error \(code)")
        ERR_clear_error()
        return CryptoError(.library, while: operation, reason)
    }
}

extension CryptoError: Equatable {
    /// By code: the words are for people.
    public static func == (a: CryptoError, b: CryptoError) -> Bool { a.code == b.code }
}

extension CryptoError: CustomStringConvertible {
    /// All of it in one line.
    public var description: String { "while \(operation): \(reason)" }
}
