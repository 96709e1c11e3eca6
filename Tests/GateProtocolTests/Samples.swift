import GateProtocol
import Wire

/// An endpoint of a test, from its text.
func endpoint(_ text: String) -> Endpoint {
    guard let endpoint = Endpoint(text) else { preconditionFailure("\(text) is no endpoint") }
    return endpoint
}

/// Frames of every kind, with every shape of body.
enum Samples {
    static let v4 = endpoint("10.1.0.2:4000")
    static let v6 = endpoint("[2001:db8::2]:65535")
    static let path4 = MediaPath(inside: v4, outside: endpoint("192.0.2.7:5004"))
    static let path6 = MediaPath(inside: v6, outside: endpoint("[2001:db8:1::9]:1024"))
    static let external = endpoint("198.51.100.1:20000")
    static let binding = EndpointBinding(inside: v4, external: external)
    static let learning4 = LearningPath(
        inside: v4, told: endpoint("192.168.1.7:5004"), from: .v4(0xC000_0207))
    static let learning6 = LearningPath(
        inside: v6, told: endpoint("[fd00:9::7]:5004"), from: .v6(0x2001_0DB8_0000_0000, 7))
    static let session = SessionID(0x0123_4567_89AB_CDEF)

    static let report = HoleReport(
        session: session,
        halfOpen: [
            HalfOpenReport(inside: v4, incoming: Traffic(packets: 1, bytes: 200)),
            HalfOpenReport(inside: v4, external: external, incoming: Traffic()),
        ],
        paths: [
            PathReport(path: path4, external: external, outgoing: Traffic(), incoming: Traffic()),
            PathReport(
                path: path6, outgoing: Traffic(packets: .max, bytes: .max), incoming: Traffic(packets: 2, bytes: 3)),
        ],
        nearMisses: [
            NearMiss(source: path4.outside, destination: external, packets: 1),
            NearMiss(source: v6, destination: path6.outside, packets: .max),
        ])

    static let requests: [GateRequest] = [
        .hello(version: 0x0102), .openFromAny(session, inside: []), .openFromAny(session, inside: [v4, v6]),
        .narrow(session, Holes()), .narrow(session, Holes(halfOpen: [v6], paths: [path4, path6])),
        .narrow(session, Holes(halfOpen: [v4], paths: [path4], reserved: [v4, v6], bindings: [binding, binding])),
        .narrow(session, Holes(learning: [learning4, learning6])),
        .narrow(session, Holes(halfOpen: [v4], paths: [path6], learning: [learning4], reserved: [v6])),
        .close(SessionID(.max)), .renew([]), .renew([session, SessionID(0)]), .list(after: nil),
        .list(after: session),
    ]

    static let replies: [GateReply] =
        [
            .completed, .closed(HoleReport(session: session)), .closed(report), .bound([]), .bound([binding, binding]),
            .renewed(missing: []), .renewed(missing: [session]),
            .renewed(missing: [], silent: [session]), .renewed(missing: [session], silent: [session]),
            .listed([], more: false),
            .listed([report, HoleReport(session: SessionID(1))], more: true),
            .welcome(version: 1, holeTimeout: .milliseconds(60_000)), .welcome(version: 0, holeTimeout: .zero),
            .welcome(version: 3, holeTimeout: .zero, translates: true),
        ]
        + GateRefusal.Reason.allCases.flatMap { reason -> [GateReply] in
            [
                .refused(GateRefusal(reason)), .refused(GateRefusal(reason, endpoint: v4, errno: 23)),
                .refused(GateRefusal(reason, endpoint: v6, errno: -1)),
            ]
        }

    static let frames: [GateFrame] =
        requests.enumerated().map { .request($0.element, id: UInt32($0.offset)) }
        + replies.enumerated().map { .reply($0.element, id: UInt32.max - UInt32($0.offset)) }

    static func encode(_ frames: [GateFrame]) throws(ParseError) -> [UInt8] {
        var output: [UInt8] = []
        for frame in frames { try FrameEncoder.append(frame, to: &output) }
        return output
    }

    /// Every frame of the octets, or the error.
    static func decode(_ octets: [UInt8]) throws(ParseError) -> [GateFrame] {
        var decoder = FrameDecoder()
        decoder.append(octets.span)
        var frames: [GateFrame] = []
        while let frame = try decoder.next() { frames.append(frame) }
        return frames
    }
}
