import Wire

/// A request method. The ones that this code treats specially have a name; every other is `other`, its text in the
/// message.
public enum Method: UInt8, Hashable, Sendable {
    case invite, ack, bye, cancel, options, register, prack, update, info, message, refer, subscribe, notify, publish
    case other

    /// Methods are compared with regard to case (RFC 3261 section 7.1).
    public init(_ text: Span<UInt8>) {
        self = Self.known.first { ASCII.equal(text, $0.name) } ?? .other
    }

    /// By length and first octet, so that the parser compares at most two literals.
    @inline(__always)
    init(scanning text: Span<UInt8>) {
        switch (text.count, text.isEmpty ? 0 : text[0]) {
        case (6, UInt8(ascii: "I")): self = ASCII.equal(text, "INVITE") ? .invite : .other
        case (3, UInt8(ascii: "A")): self = ASCII.equal(text, "ACK") ? .ack : .other
        case (3, UInt8(ascii: "B")): self = ASCII.equal(text, "BYE") ? .bye : .other
        case (6, UInt8(ascii: "C")): self = ASCII.equal(text, "CANCEL") ? .cancel : .other
        default: self.init(text)
        }
    }

    /// The token as it stands on the wire; empty for `other`.
    public var name: StaticString {
        switch self {
        case .invite: "INVITE"
        case .ack: "ACK"
        case .bye: "BYE"
        case .cancel: "CANCEL"
        case .options: "OPTIONS"
        case .register: "REGISTER"
        case .prack: "PRACK"
        case .update: "UPDATE"
        case .info: "INFO"
        case .message: "MESSAGE"
        case .refer: "REFER"
        case .subscribe: "SUBSCRIBE"
        case .notify: "NOTIFY"
        case .publish: "PUBLISH"
        case .other: ""
        }
    }

    private static let known: [Method] = [
        .invite, .ack, .bye, .cancel, .options, .register, .prack, .update, .info, .message, .refer, .subscribe,
        .notify, .publish,
    ]
}
