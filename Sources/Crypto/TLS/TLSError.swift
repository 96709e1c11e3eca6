import COpenSSL

/// Why a TLS connection is not, or no longer, there.
public struct TLSError: Error, Sendable {
    /// The kind of fault.
    public enum Code: Sendable, CaseIterable {
        /// The peer's octets are no handshake that can be agreed on, or it refused ours.
        case handshake
        /// The peer's certificate is not good, or is for another name.
        case untrusted
        /// After the handshake: a record that is not what it should be, or an alert.
        case record
        /// The connection ended without close_notify: what came last may be cut off.
        case truncated
        /// Over a limit of `TLSLimits`, or too slow.
        case limit
        /// Something was written after the end, or before the handshake was over.
        case misuse
    }

    /// The kind of fault; errors of one kind are equal.
    public let code: Code
    /// What was being done, in words that follow "while".
    public let operation: StaticString
    /// What is wrong and, where that can be said, what to do.
    public let reason: String

    /// The words go into messages for operators: nothing secret, nothing that the peer wrote.
    public init(_ code: Code, while operation: StaticString, _ reason: String) {
        self.code = code
        self.operation = operation
        self.reason = reason
    }

    /// What libssl has on its error queue, which is drained. Its reasons are its own words, alerts' names among them.
    static func library(_ code: Code, _ operation: StaticString) -> TLSError {
        // The first is the cause, what follows is those who passed it on.
        let number = ERR_peek_error()
        let reason =
            ERR_reason_error_string(number).map { String(cString: $0) }
            ?? (number == 0 ? "no reason given" : "libssl error \(number)")
        ERR_clear_error()
        return TLSError(code, while: operation, reason)
    }
}

extension TLSError: Equatable {
    /// By code: the words are for people.
    public static func == (a: TLSError, b: TLSError) -> Bool { a.code == b.code }
}

extension TLSError: CustomStringConvertible {
    /// All of it in one line.
    public var description: String { "while \(operation): \(reason)" }
}
