import SDPText
import Testing
import Wire

/// A change and the lines before and after it.
struct EditCase: Sendable, CustomTestStringConvertible {
    let edits: [Edit]
    let before: String
    let after: String

    var testDescription: String { "\(edits)" }
}

@Suite struct EditTests {
    private static let four = IPAddress.v4(0xCB00_7109)
    private static let six = IPAddress.v6(0x2001_0DB8_0000_0000, 9)
    private static let head = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n"

    static let table: [EditCase] = [
        EditCase(
            edits: [.originAddress(four)],
            before: head + "t=0 0\r\n", after: "v=0\r\no=- 1 1 IN IP4 203.0.113.9\r\ns=-\r\nt=0 0\r\n"),
        EditCase(
            edits: [.originAddress(six), .sessionConnection(six)],
            before: head + "c=IN IP4 10.0.0.1\r\nb=AS\r\nt=0 0\r\n",
            after: "v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 2001:db8::9\r\nb=AS\r\nt=0 0\r\n"),
        EditCase(
            edits: [.port(index: 1, 20_000), .port(index: 0, 0), .port(index: 1, 30_000)],
            before: head + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\nm=video 4002/1 RTP/AVP 97  \r\na=x\r\n",
            after: head + "c=IN IP4 10.0.0.1\r\nm=audio 0 RTP/AVP 0\r\nm=video 30000/1 RTP/AVP 97  \r\na=x\r\n"),
        EditCase(
            edits: [.mediaConnection(index: 0, four)],
            before: head + "m=audio 4000 RTP/AVP 0\nc=IN IP4 10.0.0.1\nm=audio 4000 RTP/AVP 0\nc=IN IP4 10.0.0.1",
            after: head + "m=audio 4000 RTP/AVP 0\nc=IN IP4 203.0.113.9\nm=audio 4000 RTP/AVP 0\nc=IN IP4 10.0.0.1"),
        EditCase(
            edits: [.mediaConnection(index: 0, four)],
            before: head + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\ni=voice\r\nb=AS:64\r\na=x\r\n",
            after: head
                + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\ni=voice\r\nc=IN IP4 203.0.113.9\r\nb=AS:64\r\na=x\r\n"
        ),
        EditCase(
            edits: [.mediaConnection(index: 0, four)],
            before: "v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\nm=audio 4000 RTP/AVP 0",
            after: "v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\nm=audio 4000 RTP/AVP 0\nc=IN IP4 203.0.113.9"),
        EditCase(
            edits: [.rtcp(index: 0, port: 4_005, nil), .rtcp(index: 1, port: 4_007, four)],
            before: head + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=x\r\nm=audio 4002 RTP/AVP 0\r\n\r\n",
            after: head + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=x\r\na=rtcp:4005\r\n"
                + "m=audio 4002 RTP/AVP 0\r\na=rtcp:4007 IN IP4 203.0.113.9\r\n\r\n"),
        EditCase(
            edits: [.rtcp(index: 0, port: 4_005, nil)],
            before: head + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:5 IN IP4 10.0.0.1\na=x\r\n",
            after: head + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:4005\na=x\r\n"),
        EditCase(
            edits: [.removeRTCP(index: 0), .removeRTCP(index: 0)],
            before: head + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:5\na=x\r\n",
            after: head + "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=x\r\n"),
    ]

    @Test(arguments: table)
    func `an edit rewrites its line and no other octet`(edit: EditCase) throws {
        let description = try SessionDescription(parsing: Array(edit.before.utf8))
        let edited = try description.applying(edit.edits)
        #expect(String(decoding: edited.serialized(), as: UTF8.self) == edit.after)
        #expect(try SessionDescription(parsing: edited.serialized()) == edited)
    }

    @Test(arguments: Sample.all)
    func `edits move the target and leave the other streams`(sample: Sample) throws {
        let description = try SessionDescription(parsing: sample.bytes)
        for (index, stream) in description.media.enumerated() {
            guard case .transport = stream.target else { continue }
            let edited = try description.applying([
                .mediaConnection(index: index, Self.four), .port(index: index, 20_000), .removeRTCP(index: index),
            ])
            guard case .transport(let rtp, _) = edited.targets[index] else {
                Issue.record("target lost: \(edited.targets[index])")
                continue
            }
            #expect(rtp == Endpoint(Self.four, 20_000))
            for other in description.media.indices where other != index {
                #expect(edited.targets[other] == description.targets[other])
            }
        }
    }

    @Test func `what cannot be edited is refused and stays`() throws {
        var description = try SessionDescription(parsing: Array((Self.head + "t=0 0\r\n").utf8))
        let before = description
        #expect(throws: EditError.noSessionConnection) { try description.apply(.sessionConnection(Self.four)) }
        #expect(throws: EditError.noSuchMedia(index: 0)) { try description.apply(.port(index: 0, 1)) }
        #expect(throws: EditError.noSuchMedia(index: -1)) { try description.apply(.removeRTCP(index: -1)) }
        #expect(description == before)

        let line = "a=" + String(repeating: "x", count: 1_021) + "\r\n"
        let body = Self.head + "c=IN IP4 1.2.3.4\r\nm=audio 1 RTP/AVP 0\r\n" + String(repeating: line, count: 63)
        let rest = SessionDescription.Limits.octets - body.utf8.count
        var full = try SessionDescription(parsing: Array((body + "a=" + String(repeating: "x", count: rest - 2)).utf8))
        #expect(throws: EditError.refused(.tooLong, offset: SessionDescription.Limits.octets)) {
            try full.apply(.port(index: 0, 10))
        }
    }
}
