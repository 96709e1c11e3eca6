import Wire

/// A request method. The ones that this code treats specially have a name; every other is `other`, its text in the
/// message.
public enum Method: UInt8, Hashable, Sendable, CaseIterable {
    case invite, ack, bye, cancel, options, register, prack, update, info, message, refer, subscribe, notify, publish
    case other

    /// Methods are compared with regard to case (RFC 3261 section 7.1).
    public init(_ text: Span<UInt8>) {
        let candidate = Self.candidate(text.count, text.isEmpty ? 0 : text[0])
        self = ASCII.equal(text, candidate.name) ? candidate : .other
    }

    /// The one method of that length and first octet, so that one comparison decides.
    private static func candidate(_ count: Int, _ first: UInt8) -> Method {
        switch (count, first) {
        case (3, UInt8(ascii: "A")): .ack
        case (3, UInt8(ascii: "B")): .bye
        case (4, UInt8(ascii: "I")): .info
        case (5, UInt8(ascii: "P")): .prack
        case (5, UInt8(ascii: "R")): .refer
        case (6, UInt8(ascii: "C")): .cancel
        case (6, UInt8(ascii: "I")): .invite
        case (6, UInt8(ascii: "N")): .notify
        case (6, UInt8(ascii: "U")): .update
        case (7, UInt8(ascii: "M")): .message
        case (7, UInt8(ascii: "O")): .options
        case (7, UInt8(ascii: "P")): .publish
        case (8, UInt8(ascii: "R")): .register
        case (9, UInt8(ascii: "S")): .subscribe
        default: .other
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
}
