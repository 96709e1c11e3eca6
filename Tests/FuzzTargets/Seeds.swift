import Corpus
import GateProtocol
import SIPText
import Wire

/// Good input, from the fixtures and of every shape that they lack.
enum Seeds {
    static let messages = Fixture.all.map(\.octets)

    /// Four octets of piece sizes, then messages with keep-alives between them.
    static let streams: [[UInt8]] =
        Fixture.all.map { [6, 40, 0, 255] + $0.octets }
        + [
            [0, 0, 0, 0] + Array("\r\n\r\n".utf8) + request("l: 0") + Array("\r\n\r\n".utf8) + request("l: 2") + [
                65, 66,
            ]
        ]

    static let uris: [[UInt8]] = texts([
        "sip:alice@example.net", "sips:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1@example.com;lr",
        "sip:user;par=u%40example.net@example.com",
        "sip:alice:secret@192.0.2.1:5070;transport=tcp?Subject=x&Priority=y",
        "sip:[2001:db8::10]:5070", "sip:[2001:db8:::192.0.2.1]", "SIP:%00@h;maddr=1.2.3.4",
        "tel:+4912345;phone-context=x",
    ])

    static let vias: [[UInt8]] = texts([
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport", "SIP / 2.0 / TCP   host.example ; branch = z9hG4bK2",
        "SIP/2.0/TLS [2001:db8::9:1]:5061;received=[2001:db8::9:255];branch=z9hG4bK3",
        "SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;rport=4000;branch=z9hG4bK4;hidden;x=\"a;b,c\"",
    ])

    static let addresses: [[UInt8]] = texts([
        "\"J \\\\\\\"\" <sip:j@example.com>;tag=98asjd8", "sip:a@b;tag=1", "Bell <sip:a@b;lr;x=<>>", "caller<sip:c@d>",
        "<tel:+1>;q=0.7;expires=60", "*",
    ])

    static let descriptions: [[UInt8]] =
        [Fixture.sdp]
        + Fixture.all.compactMap { fixture in
            guard case .message(let message) = MessageParser.parse(fixture.octets), !message.body.isEmpty else {
                return nil
            }
            let body = message.copy(message.body)
            return body == Fixture.sdp ? nil : body
        }
        + texts([
            """
            v=0\r\no=- 7 8 IN IP6 2001:db8::23\r\ns=-\r\nc=IN IP6 2001:db8::23\r\nb=AS:64\r\nt=0 0\r\na=group:BUNDLE 0 1\r
            m=audio 5004/1 RTP/AVPF 0 8\r\ni=x\r\nc=IN IP4 192.0.2.9\r\na=rtcp:5009 IN IP4 192.0.2.8\r\na=mid:0\r
            a=rtcp-mux\r\na=sendonly\r\nm=video 0 RTP/AVP 31\r\na=inactive\r\nm=application 9 UDP/DTLS/SCTP x\r
            m=audio 6000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux-only\r\na=bundle-only\r\n
            """,
            "v=0\no=a 0 0 IN IP4 h.invalid\ns=\nt=0 0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 224.1.1.1/127/3\na=",
        ])

    static let entities: [[UInt8]] =
        texts([
            "Content-Type: application/sdp\r\nContent-ID: <1@a>\r\n\r\nv=0\r\n",
            "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nSGVs\r\nbG8=\n",
            """
            Content-Type: multipart/mixed; boundary="o"\r\n\r\npreamble\r\n--o\r\n\r\none\r\n--o \r
            Content-Type: multipart/alternative;boundary=i\r\n\r\n--i\r\nContent-Type: a/b\r\n\r\ntwo\r\n--i--\r
            \r\n--o\r\nContent-Transfer-Encoding: binary\r\n\r\nthree\r\n--o--\r\nepilogue
            """,
        ]) + [
            Array("Content-Type: multipart/mixed;boundary=7a9cbec02ceef655\r\n\r\n".utf8) + Fixture.binaryMultipart
        ]

    static let envelopes: [[UInt8]] = [
        Handmade.enveloped(), Handmade.encrypted(), Handmade.authEnveloped(),
        Handmade.enveloped(recipients: Handmade.keyAgreement() + Handmade.keyEncryptionKey()),
        Handmade.enveloped(recipients: Handmade.password + Handmade.other),
        Handmade.enveloped(
            attributes: tlv(
                0xA1, Handmade.attribute(OID.cekReference, tlv(0x04, [1, 2])),
                Handmade.attribute(OID.cekMaxDecrypts, tlv(0x02, [5])))),
        Handmade.enveloped(
            recipients: Handmade.keyTransport(
                rid: tlv(0x80, [1]),
                algorithm: tlv(
                    0x30, OID.oaep,
                    tlv(
                        0x30, tlv(0xA0, tlv(0x30, OID.sha256, Handmade.null)),
                        tlv(0xA1, tlv(0x30, OID.mgf1, tlv(0x30, OID.sha256, Handmade.null))))))),
        Handmade.message(OID.signedData, tlv(0x30)),
    ]

    /// Four octets of piece sizes, then frames.
    static let frames: [[UInt8]] = {
        let inside = Endpoint(.v4(0x0A01_0002), 4_000)
        let path = MediaPath(inside: inside, outside: Endpoint(.v6(0x2001_0DB8_0000_0000, 9), 5_004))
        let learning = LearningPath(
            inside: inside, told: Endpoint(.v4(0xC0A8_0107), 5_004), from: .v4(0xC633_6409))
        let session = SessionID(0x0123_4567_89AB_CDEF)
        let traffic = Traffic(packets: 1, bytes: 200)
        let report = HoleReport(
            session: session, halfOpen: [HalfOpenReport(inside: inside, incoming: traffic)],
            paths: [PathReport(path: path, outgoing: traffic, incoming: traffic)],
            nearMisses: [NearMiss(source: path.outside, destination: inside, packets: 9)])
        let frames: [GateFrame] = [
            .request(.hello(version: 1), id: 1), .request(.openFromAny(session, inside: [inside]), id: 2),
            .request(.narrow(session, Holes(halfOpen: [inside], paths: [path], learning: [learning])), id: 3),
            .request(.close(session), id: 4), .request(.renew([session, SessionID(0)]), id: 5),
            .request(.list(after: session), id: 6), .reply(.completed, id: 7),
            .reply(.refused(GateRefusal(.tableFull, endpoint: inside, errno: 23)), id: 8),
            .reply(.renewed(missing: [session]), id: 9), .reply(.listed([report], more: true), id: 10),
            .reply(.welcome(version: 1, holeTimeout: .seconds(60)), id: 11), .reply(.closed(report), id: 12),
        ]
        var all: [UInt8] = [3, 0, 200, 17]
        var each: [[UInt8]] = []
        for frame in frames {
            var octets: [UInt8] = []
            guard (try? FrameEncoder.append(frame, to: &octets)) != nil else { continue }
            each.append([1, 5, 9, 63] + octets)
            all += octets
        }
        return each + [all]
    }()

    private static func texts(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }
}
