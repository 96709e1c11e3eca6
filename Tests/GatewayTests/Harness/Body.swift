import Gateway
import SDPText
import SIPText
import Wire

/// What a message of a script carries.
enum Body {
    case none
    /// One audio stream at this endpoint; nil puts it on hold the old way (`c=0.0.0.0`, RFC 3264 section 8.4).
    case media(Endpoint?)
    case octets([UInt8], type: String)

    static func sdp(_ text: String) -> Body { .octets(Array(text.utf8), type: "application/sdp") }

    /// A CMS body: what is inside is the script's to say.
    static func envelope(_ octets: [UInt8] = [0x30, 0x03, 0x02, 0x01, 0x07]) -> Body {
        .octets(octets, type: "application/pkcs7-mime; smime-type=auth-enveloped-data")
    }

    /// An envelope that says to the script what would be inside: an address and a port.
    static func sealed(_ endpoint: Endpoint) -> Body {
        var octets: [UInt8] = []
        endpoint.address.appendOctets(to: &octets)
        return .envelope(octets + [UInt8(endpoint.port >> 8), UInt8(endpoint.port & 0xFF)])
    }

    private static func unseal(_ octets: [UInt8]) -> Endpoint? {
        guard octets.count > 2 else { return nil }
        let host = Array(octets.dropLast(2))
        guard let address = IPAddress(octets: host.span) else { return nil }
        return Endpoint(address, UInt16(octets[octets.count - 2]) << 8 | UInt16(octets[octets.count - 1]))
    }

    /// What opening a `sealed` body gives.
    static func unseal(_ request: EnvelopeRequest, newKey: UInt64?, usedKey: KeyHandle? = nil) -> EnvelopeOutcome {
        guard let octets = request.contents.first, let endpoint = unseal(octets) else { return .undecipherable }
        return DisclosureTests.opened(endpoint, newKey: newKey, used: usedKey?.value)
    }

    /// Where the sender's audio comes to, as far as a phone knows: nil without a description of a phone's making.
    var ownMedia: Endpoint?? {
        switch self {
        case .none: nil
        case .media(let endpoint): .some(endpoint)
        case .octets(let octets, let type):
            type.hasPrefix("application/pkcs7-mime") ? Body.unseal(octets).map { .some($0) } : nil
        }
    }

    /// The octets and their Content-Type.
    var content: ([UInt8], String)? {
        switch self {
        case .none: nil
        case .media(let endpoint): (Body.description(endpoint), "application/sdp")
        case .octets(let octets, let type): (octets, type)
        }
    }

    /// A session description with one audio stream.
    static func description(_ endpoint: Endpoint?, port: UInt16? = nil) -> [UInt8] {
        let family = endpoint?.address.isIPv6 ?? false ? "IP6" : "IP4"
        let address = endpoint.map { "\($0.address)" } ?? "0.0.0.0"
        return Array(
            """
            v=0\r
            o=- 1 1 IN \(family) \(address)\r
            s=-\r
            c=IN \(family) \(address)\r
            t=0 0\r
            m=audio \(port ?? endpoint?.port ?? 20_000) RTP/AVP 0\r\n
            """.utf8)
    }

    /// The same as a MIME entity, as it stands inside an envelope.
    static func entity(_ endpoint: Endpoint?) -> [UInt8] {
        Array("Content-Type: application/sdp\r\n\r\n".utf8) + description(endpoint)
    }

    /// The first stream of a message's description: nil when there is no description, `.some(nil)` when it is on hold.
    static func media(of message: Message) -> Endpoint?? {
        guard let type = message.value(of: .contentType) else { return nil }
        if message.text(type).hasPrefix("application/pkcs7-mime") {
            return unseal(message.copy(message.body)).map { .some($0) }
        }
        guard message.text(type) == "application/sdp",
            let description = try? SessionDescription(parsing: message.copy(message.body))
        else { return nil }
        guard case .transport(let rtp, _) = description.targets.first else { return .some(nil) }
        return .some(rtp)
    }
}
