import SDPText
import Testing
import Wire

@Suite struct OfferAnswerTests {
    /// A description whose session address is 192.0.2.`host`.
    private func description(_ host: Int, _ lines: String...) throws -> SessionDescription {
        let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.\(host)\r\ns=-\r\nc=IN IP4 192.0.2.\(host)\r\nt=0 0\r\n"
        return try SessionDescription(parsing: Array((head + lines.map { $0 + "\r\n" }.joined()).utf8))
    }

    private func streams(_ offer: SessionDescription, _ answer: SessionDescription) throws -> [String] {
        try OfferAnswer(offer: offer, answer: answer).streams.map { pair in
            func side(_ side: StreamSide) -> String {
                "\(side.rtp)" + (side.rtcp.map { "+\($0)" } ?? "")
            }
            return "\(pair.index) \(side(pair.offerer)) \(side(pair.answerer))\(pair.isMuxed ? " muxed" : "")"
        }
    }

    @Test func `streams pair by index and a refused one leaves the others in place`() throws {
        let offer = try description(1, "m=audio 4000 RTP/AVP 0", "m=video 4002 RTP/AVP 97", "m=audio 4004 RTP/AVP 8")
        let answer = try description(2, "m=audio 5000 RTP/AVP 0", "m=video 0 RTP/AVP 97", "m=audio 5004 RTP/AVP 8")
        #expect(
            try streams(offer, answer) == [
                "0 192.0.2.1:4000+192.0.2.1:4001 192.0.2.2:5000+192.0.2.2:5001",
                "2 192.0.2.1:4004+192.0.2.1:4005 192.0.2.2:5004+192.0.2.2:5005",
            ])
    }

    @Test func `mux counts only when both say it`() throws {
        let plainOffer = try description(1, "m=audio 4000 RTP/AVP 0")
        let muxOffer = try description(1, "m=audio 4000 RTP/AVP 0", "a=rtcp-mux", "a=rtcp:4000")
        let onlyOffer = try description(1, "m=audio 4000 RTP/AVP 0", "a=rtcp-mux-only")
        let plainAnswer = try description(2, "m=audio 5000 RTP/AVP 0")
        let muxAnswer = try description(2, "m=audio 5000 RTP/AVP 0", "a=rtcp-mux")
        let separate = "192.0.2.2:5000+192.0.2.2:5001"
        #expect(try streams(plainOffer, plainAnswer) == ["0 192.0.2.1:4000+192.0.2.1:4001 \(separate)"])
        #expect(try streams(plainOffer, muxAnswer) == ["0 192.0.2.1:4000+192.0.2.1:4001 \(separate)"])
        #expect(try streams(muxOffer, plainAnswer) == ["0 192.0.2.1:4000+192.0.2.1:4000 \(separate)"])
        #expect(try streams(muxOffer, muxAnswer) == ["0 192.0.2.1:4000 192.0.2.2:5000 muxed"])
        #expect(try streams(onlyOffer, muxAnswer) == ["0 192.0.2.1:4000 192.0.2.2:5000 muxed"])
        #expect(try streams(onlyOffer, plainAnswer) == ["0 192.0.2.1:4000 \(separate)"])
    }

    @Test(arguments: ["sendonly", "recvonly", "inactive"])
    func `hold by direction keeps RTP and RTCP`(direction: String) throws {
        let offer = try description(1, "m=audio 4000 RTP/AVP 0", "a=\(direction)")
        let answer = try description(2, "m=audio 5000 RTP/AVP 0", "a=inactive")
        #expect(try streams(offer, answer).count == 1)
        #expect(try OfferAnswer(offer: offer, answer: answer).streams[0].answerer.rtcp != nil)
    }

    @Test func `hold by address and what gets no hole make no pair`() throws {
        let answer = try description(2, "m=audio 5000 RTP/AVP 0")
        for line in ["c=IN IP4 0.0.0.0", "c=IN IP4 224.1.1.1/1", "c=IN IP4 host.example.com", "c=IN IP6 ::"] {
            let offer = try description(1, "m=audio 4000 RTP/AVP 0", line)
            #expect(try streams(offer, answer) == [])
            #expect(try streams(answer, offer) == [])
        }
    }

    @Test func `another count or kind of m-lines is no answer`() throws {
        let offer = try description(1, "m=audio 4000 RTP/AVP 0", "m=image 4002 udptl t38")
        let short = try description(2, "m=audio 5000 RTP/AVP 0")
        let swapped = try description(2, "m=image 5002 udptl t38", "m=audio 5000 RTP/AVP 0")
        let overTCP = try description(2, "m=audio 5000 RTP/AVP 0", "m=image 5002 tcp t38")
        let overRTP = try description(2, "m=audio 5000 RTP/AVP 0", "m=image 5002 RTP/AVP 97")
        let refused = try description(2, "m=audio 5000 RTP/AVPF 0", "m=x 0 y z")
        #expect(throws: OfferAnswerError.mediaCount(offer: 2, answer: 1)) {
            try OfferAnswer(offer: offer, answer: short)
        }
        #expect(throws: OfferAnswerError.mediaMismatch(index: 0)) { try OfferAnswer(offer: offer, answer: swapped) }
        #expect(throws: OfferAnswerError.mediaMismatch(index: 1)) { try OfferAnswer(offer: offer, answer: overTCP) }
        #expect(throws: OfferAnswerError.mediaMismatch(index: 1)) { try OfferAnswer(offer: offer, answer: overRTP) }
        #expect(try streams(offer, refused).count == 1)
    }
}

@Suite struct SDPBuilderTests {
    private let caller = SDPBuilder(address: .v4(0xC000_0201), port: 4_000, sessionID: 17)

    @Test func `the offer reads as what was asked for`() throws {
        var builder = caller
        builder.direction = .sendOnly
        let offer = try SessionDescription(parsing: builder.offer())
        #expect(offer.targets == [to("192.0.2.1:4000")])
        #expect(offer.media[0].direction == .sendOnly)
        #expect(offer.media[0].formats.map { offer.octets($0).first } == [0x30, 0x38])
        #expect(offer.origin.versionNumber == 1)
        #expect(String(decoding: builder.offer(), as: UTF8.self).contains("\r\na=rtpmap:8 PCMA/8000\r\n"))

        builder.rtcpPort = 4_777
        builder.usesRTCPMux = true
        builder.address = .v6(0x2001_0DB8_0000_0000, 1)
        let second = try SessionDescription(parsing: builder.offer())
        #expect(second.targets == [to("[2001:db8::1]:4000", "[2001:db8::1]:4777")])
        #expect(second.media[0].isRTCPMux)
    }

    @Test func `the answer accepts one audio stream and refuses the rest in place`() throws {
        let text = """
            v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 4002 RTP/AVP 97 98\r
            m=audio 4004 RTP/SAVP 0\r\nm=audio 4000 RTP/AVPF 18 8 0\r\na=sendonly\r\na=rtcp-mux\r
            m=audio 4006 RTP/AVP 0\r\n
            """
        let offer = try SessionDescription(parsing: Array(text.utf8))
        let callee = SDPBuilder(address: .v4(0xC000_0202), port: 5_000, sessionID: 18)
        let answer = try #require(callee.answer(to: offer))
        let description = try SessionDescription(parsing: answer.bytes)
        #expect(answer.index == 2)
        #expect(answer.format == .pcma)
        #expect(description.targets == [.rejected, .rejected, to("192.0.2.2:5000"), .rejected])
        #expect(description.media[2].direction == .receiveOnly)
        #expect(!description.media[2].isRTCPMux)
        #expect(try OfferAnswer(offer: offer, answer: description).streams.map(\.index) == [2])

        var muxing = callee
        muxing.usesRTCPMux = true
        let muxed = try SessionDescription(parsing: #require(muxing.answer(to: offer)).bytes)
        #expect(try OfferAnswer(offer: offer, answer: muxed).streams.map(\.isMuxed) == [true])
    }

    @Test func `nothing acceptable gives no answer`() throws {
        let text = "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\nm=audio 4 RTP/AVP 18 00\nm=audio 0 RTP/AVP 0\n"
        #expect(caller.answer(to: try SessionDescription(parsing: Array(text.utf8))) == nil)
    }

    @Test(arguments: [
        (Direction.sendReceive, Direction.sendOnly, Direction.receiveOnly),
        (.sendReceive, .inactive, .inactive), (.sendReceive, .receiveOnly, .sendOnly),
        (.sendOnly, .sendReceive, .sendOnly), (.sendOnly, .sendOnly, .inactive),
        (.receiveOnly, .sendReceive, .receiveOnly), (.inactive, .sendReceive, .inactive),
    ])
    func `the answer's direction is ours as far as the offer's allows`(
        ours: Direction, offered: Direction, answer: Direction
    ) {
        #expect(ours.answer(to: offered) == answer)
    }
}
