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
        guard let type = message.value(of: .contentType), message.text(type) == "application/sdp",
            let description = try? SessionDescription(parsing: message.copy(message.body))
        else { return nil }
        guard case .transport(let rtp, _) = description.targets.first else { return .some(nil) }
        return .some(rtp)
    }
}
