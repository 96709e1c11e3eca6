import SDPText
public import SIPText
import Wire

/// A message for people: its head as it crossed, its body only as far as it holds no secret.
public enum MessageTrace {
    /// The lines of a message. A protected body is `<N octets of CMS>`, keys in a session description are left out, and
    /// what a terminal could take for a command is shown as `?`.
    public static func text(of message: Message) -> String {
        let octets = message.serialized()
        let head = octets.count - message.body.count
        var text = printable(octets[..<head])
        guard !message.body.isEmpty else { return text }
        switch MessageBody(of: message) {
        case .description(let description): text += session(description.bytes)
        case .envelopes: text += "<\(message.body.count) octets of CMS>\n"
        case .none, .unsupported, .malformed: text += "<\(message.body.count) octets>\n"
        }
        return text
    }

    /// `a=crypto`, `a=key-mgmt` and `k=` carry keys (RFC 4568, RFC 4567, RFC 8866 section 5.12).
    private static func session(_ octets: [UInt8]) -> String {
        var text = ""
        for line in octets.split(separator: ASCII.lf) {
            let shown = printable(line)
            let prefix = ["k=", "a=crypto:", "a=key-mgmt:"].first { shown.hasPrefix($0) }
            text += (prefix.map { "\($0)<a key>" } ?? shown) + "\n"
        }
        return text
    }

    private static func printable(_ octets: some Sequence<UInt8>) -> String {
        let safe = octets.compactMap { octet -> UInt8? in
            switch octet {
            case ASCII.cr: nil
            case ASCII.lf, ASCII.tab, ASCII.space..<0x7F: octet
            default: ASCII.question
            }
        }
        return String(decoding: safe, as: UTF8.self)
    }
}
