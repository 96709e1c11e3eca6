import Media
import SIPText
import Testing
import Wire

@testable import UserAgent

@Suite("What people and tests are told")
struct OutputTests {
    @Test
    func `writes a report as one line of JSON`() throws {
        let call = CallNumber(value: 3)
        let cases: [(Report, String)] = [
            (.established(call), #"{"event":"established","call":3,"at_ms":12}"#),
            (
                .packets(
                    call,
                    PacketReport(
                        kind: .rtp, way: .received, phase: .afterBye, count: 2, first: 65_535, last: 0,
                        lastAfterMilliseconds: 7)),
                #"{"event":"rtp","call":3,"direction":"received","phase":"after-bye","count":2,"first":65535,"last":0,"#
                    + #""last_after_ms":7,"at_ms":12}"#
            ),
            (
                .ended(call, Ending(by: .caller, status: 0, why: "")),
                #"{"event":"ended","call":3,"by":"caller","status":0,"at_ms":12}"#
            ),
            (
                .ended(call, Ending(by: .callee, status: 486, why: "a \"b\" \\ \u{1B}[2J\n")),
                #"{"event":"ended","call":3,"by":"callee","status":486,"why":"a \"b\" \\ \u001b[2J\u000a","at_ms":12}"#
            ),
            (
                .body(
                    call,
                    BodyReport(
                        way: .sent, carrier: .request(.invite), form: BodyForm(kind: .encrypted, cipher: "aes128-cbc"),
                        key: .held, reference: [0x0A, 0xFF], octets: 300)),
                #"{"event":"body","call":3,"direction":"sent","in":"INVITE","form":"encrypted-data","#
                    + #""cipher":"aes128-cbc","key":"held","reference":"0aff","octets":300,"at_ms":12}"#
            ),
        ]
        for (report, line) in cases { #expect(report.line(at: 12) == line) }
    }

    @Test
    func `shows a message without its keys, its ciphertext and what a terminal would obey`() throws {
        let script = try CalleeScript()
        let text = MessageTrace.text(
            of: try script.request(
                "INVITE", fields: ["Subject: caf\u{E9}"],
                body: CalleeScript.sdp.replacing("s=-", with: "s=\u{1B}[31mred") + """

                    k=clear:secret1
                    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret2
                    a=ptime:20
                    """))
        #expect(text.hasPrefix("INVITE sip:bob@192.0.2.10 SIP/2.0\n"))
        #expect(text.contains("Subject: caf??\n"))
        #expect(text.contains("\ns=?[31mred\n"))
        #expect(text.contains("k=<a key>\na=crypto:<a key>\na=ptime:20\n"))
        #expect(!text.contains("secret"))
        #expect(!text.contains("\u{1B}"))

        let protected = MessageTrace.text(
            of: try script.request("INVITE", body: "0123456789", type: "application/pkcs7-mime"))
        #expect(protected.hasSuffix("\n\n<12 octets of CMS>\n"))
        let other = MessageTrace.text(of: try script.request("INVITE", body: "0123456789", type: "text/plain"))
        #expect(other.hasSuffix("\n\n<12 octets>\n"))
    }

    @Test
    func `counts packets by phase, with the first and the last number`() {
        func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
        var counts = MediaCounts(at: at(0))
        counts.count(.rtp, .received, .early, 0, at: at(5))
        counts.enter(.call, at: at(10))
        counts.enter(.call, at: at(11))
        for number in 1...3 as ClosedRange<UInt16> { counts.count(.rtp, .received, .call, number, at: at(20)) }
        counts.count(.rtcp, .sent, .call, nil, at: at(30))
        #expect(
            counts.reports == [
                PacketReport(
                    kind: .rtp, way: .received, phase: .early, count: 1, first: 0, last: 0, lastAfterMilliseconds: 5),
                PacketReport(
                    kind: .rtp, way: .received, phase: .call, count: 3, first: 1, last: 3, lastAfterMilliseconds: 10),
                PacketReport(
                    kind: .rtcp, way: .sent, phase: .call, count: 1, first: nil, last: nil, lastAfterMilliseconds: 20),
            ])
        #expect(counts.firstAfterMilliseconds == 10)
    }

    @Test
    func `is silent when the samples are at their end`() {
        var sound = Sound.samples([1, 2, 3])
        #expect(sound.next(2) == [1, 2])
        #expect(sound.next(2) == [3, 0])
        #expect(sound.next(2) == [0, 0])
    }

    struct Outcome: Sendable {
        var isEstablished = true
        var status: UInt16 = 0
        var expectsMedia = true
        var received = 1
        var isGood: Bool
    }

    @Test(arguments: [
        Outcome(isGood: true), Outcome(received: 0, isGood: false),
        Outcome(expectsMedia: false, received: 0, isGood: true),
        Outcome(status: 408, isGood: false), Outcome(isEstablished: false, isGood: false),
    ])
    func `calls a call good when it was made, ended by BYE and heard`(_ outcome: Outcome) {
        let number = CallNumber(value: 1)
        var summary = CallSummary(number: number)
        if outcome.isEstablished { summary.take(.established(number)) }
        summary.expectsMedia = outcome.expectsMedia
        // What comes after BYE does not count.
        for (phase, count) in [(MediaPhase.call, outcome.received), (.afterBye, 5)] where count > 0 {
            summary.take(
                .packets(
                    number,
                    PacketReport(
                        kind: .rtp, way: .received, phase: phase, count: count, first: 0, last: 0,
                        lastAfterMilliseconds: 0)))
        }
        summary.take(.ended(number, Ending(by: .caller, status: outcome.status, why: "")))
        #expect(summary.isGood == outcome.isGood)
    }
}
