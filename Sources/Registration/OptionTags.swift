import SIPText
import Wire

/// The option tags of Supported and Require (RFC 3261 section 19.2).
enum OptionTags {
    /// The tags in all fields of that name.
    static func values(of name: HeaderName, in message: Message) -> [[UInt8]] {
        message.values(of: name).map(message.copy)
    }

    /// Whether this registrar does what the tag asks for: Path (RFC 3327) and outbound (RFC 5626).
    static func isSupported(_ tag: [UInt8]) -> Bool {
        ASCII.equalIgnoringCase(tag.span, "path") || ASCII.equalIgnoringCase(tag.span, "outbound")
    }

    /// Whether the sender of the message knows the extension.
    static func isKnown(_ tag: StaticString, toSenderOf message: Message) -> Bool {
        for name in [HeaderName.supported, .require] {
            for value in message.values(of: name) where ASCII.equalIgnoringCase(message.octets(value), tag) {
                return true
            }
        }
        return false
    }
}
