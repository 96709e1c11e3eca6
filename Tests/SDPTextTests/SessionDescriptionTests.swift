import SDPText
import Testing
import Wire

@Suite struct SessionDescriptionTests {
    @Test(arguments: Sample.all)
    func `what was read is written octet by octet`(sample: Sample) throws {
        #expect(try SessionDescription(parsing: sample.bytes).serialized() == sample.bytes)
    }

    @Test(arguments: Sample.all)
    func `each m-line has its target at its index`(sample: Sample) throws {
        #expect(try SessionDescription(parsing: sample.bytes).targets == sample.targets)
    }

    @Test func `values and ranges are those of the lines`() throws {
        let bytes = Array(
            """
            v=0\r\no=bob 99999999999999999999999999 3 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r
            a=sendonly\r\na=tool:x:y\r\nm=audio 4000/1 RTP/SAVP 0 8 101\r\nc=IN IP6 2001:db8::1\r\na=mid:a1\r
            a=recvonly\r\na=inactive\r\na=rtcp:5 IN IP4 192.0.2.5\r\na=rtcp-mux\r\nm=text 6000 tcp x\r\n
            """.utf8)
        let description = try SessionDescription(parsing: bytes)
        func text(_ range: Range<Int>?) -> String? {
            range.map { String(decoding: description.octets($0), as: UTF8.self) }
        }
        #expect(text(description.origin.username) == "bob")
        #expect(text(description.origin.sessionID) == "99999999999999999999999999")
        #expect(text(description.origin.version) == "3")
        #expect(description.origin.versionNumber == 3)
        #expect(description.origin.address == .ip(.v4(0xC000_0201)))
        #expect(description.connection?.address == .ip(.v4(0xC000_0201)))
        #expect(description.attributes.map { text($0.name) } == ["sendonly", "tool"])
        #expect(text(description.first("tool", in: description.attributes)?.value) == "x:y")

        try #require(description.media.count == 2)
        let audio = description.media[0]
        #expect(audio.kind == .audio)
        #expect(audio.port == 4000)
        #expect(audio.portCount == 1)
        #expect(audio.transport == .rtpSAVP)
        #expect(text(audio.transportToken) == "RTP/SAVP")
        #expect(audio.formats.map { text($0) } == ["0", "8", "101"])
        #expect(audio.connection?.address == IPAddress("2001:db8::1").map { .ip($0) })
        #expect(audio.direction == .receiveOnly)
        #expect(audio.rtcp?.port == 5)
        #expect(audio.rtcp?.connection?.address == .ip(.v4(0xC000_0205)))
        #expect(audio.isRTCPMux)
        #expect(!audio.isRTCPMuxOnly)
        #expect(text(audio.mid) == "a1")
        #expect(audio.attributes.count == 5)
        #expect(description.first("rtcp", in: description.media[1].attributes) == nil)

        let other = description.media[1]
        #expect(other.kind == .other)
        #expect(text(other.kindToken) == "text")
        #expect(other.direction == .sendOnly)
        #expect(other.connection == description.connection)
        #expect(other.transport == .other)
    }

    @Test func `a range from elsewhere is cut, not a trap`() throws {
        let description = try SessionDescription(parsing: Sample.all[0].bytes)
        #expect(description.octets(1_000_000..<2_000_000).isEmpty)
        #expect(!description.equal(1_000_000..<2_000_000, "x"))
    }
}
