import SIPText
import Wire

/// What a 496 asks for: to encrypt for this certificate too (draft-ietf-sip-e2m-sec-06 section 4.1).
struct DisclosureDemand: Equatable, Sendable {
    /// In DER, unchecked.
    let certificate: [UInt8]
    /// The host of the Warning with code 380; nil without one.
    let host: [UInt8]?

    /// - Returns: nil when the response brings no certificate.
    init?(_ response: Message) {
        guard let entity = Entity(bodyOf: response),
            entity.matches("application", "pkix-cert", in: response.bytes.span),
            let certificate = try? entity.content(in: response.bytes.span), !certificate.isEmpty
        else { return nil }
        self.certificate = certificate
        host = response.values(of: .warning).lazy.compactMap { Self.host(response.copy($0)) }.first
    }

    /// The warn-agent of `380 <host> "<text>"` (RFC 3261 section 20.43), without its port.
    private static func host(_ warning: [UInt8]) -> [UInt8]? {
        let words = warning.split(separator: ASCII.space, maxSplits: 2, omittingEmptySubsequences: true)
        guard words.count == 3, Array(words[0]) == Array("380".utf8) else { return nil }
        let agent = words[1]
        if agent.first == ASCII.leftBracket { return Array(agent.prefix { $0 != ASCII.rightBracket }.dropFirst()) }
        return Array(agent.prefix { $0 != ASCII.colon })
    }
}
