import ControlProtocol
import Testing
import Wire

/// A call between alice, inside, and bob, outside: RTP and RTCP of one audio stream.
struct SampleCall {
    let a = Endpoint(.v4(0x0A01_0002), 4_000)
    let b = Endpoint(.v4(0x0A02_0002), 5_000)
    var outward: UInt64 = 0
    var inward: UInt64 = 0
    var control: UInt64 = 0
    var aSays = CallReportEvent.Direction.sendReceive
    var bSays = CallReportEvent.Direction.sendReceive
    var misses: [CallReport.NearMiss] = []
    var more: [CallReportEvent.What] = []
    var ending: CallReport.Ending?
    var external: Endpoint?
    var isAnswered = true

    func next(_ endpoint: Endpoint) -> Endpoint { Endpoint(endpoint.address, endpoint.port + 1) }

    func stream(_ endpoint: Endpoint, _ direction: CallReportEvent.Direction) -> CallReportEvent.Stream {
        CallReportEvent.Stream(kind: "audio", direction: direction, rtp: endpoint, rtcp: next(endpoint))
    }

    var report: CallReport {
        func traffic(_ packets: UInt64) -> PinholeReport.Traffic { .init(packets: packets, bytes: packets &* 200) }
        var events: [CallReportEvent.What] = [
            .described(
                by: .caller, in: .init("INVITE"), isOffer: true, isDisclosed: true, streams: [stream(a, aSays)]),
            .holes(halfOpen: 2, paths: 0),
        ]
        if isAnswered {
            events += [
                .described(
                    by: .callee, in: .init("INVITE", status: 200), isOffer: false, isDisclosed: true,
                    streams: [stream(b, bSays)]), .holes(halfOpen: 0, paths: 2),
            ]
        }
        let pinholes = [
            PinholeReport(
                inside: a, external: external, outside: b, outward: traffic(outward), inward: traffic(inward)),
            PinholeReport(
                inside: next(a), external: external.map(next), outside: next(b), outward: traffic(control),
                inward: traffic(control)),
        ]
        return CallReport(
            session: SessionReport(
                identifier: "0123456789abcdef", callID: Array("a84b4c76e66710".utf8),
                from: Array("sip:alice@a.example.net".utf8), to: Array("sip:bob@b.example.net;x=y".utf8),
                state: .open, age: 9, description: .disclosed, pinholes: isAnswered ? pinholes : []),
            caller: .init(address: a.address, isInside: true), callee: .init(address: b.address, isInside: false),
            ending: ending,
            events: (events + more).enumerated().map {
                CallReportEvent(milliseconds: UInt64($0.offset) * 7, $0.element)
            },
            omittedEvents: 3, nearMisses: misses)
    }
}

@Suite struct CallReportTests {
    @Test func `a report is read as it was written`() throws {
        var call = SampleCall(outward: 17, inward: .max, control: 2)
        call.ending = .init(secondsAgo: 12, reason: "BYE")
        call.misses = [.init(source: Endpoint(.v6(1, 2), 9), destination: call.a, packets: 4)]
        call.external = Endpoint(.v4(0xC633_6401), 20_000)
        call.more = [
            .said(by: .callee, .init("BYE")), .refused(.init("INVITE", status: 183), why: Array("\"\u{1B}[0m".utf8)),
            .refused(nil, why: []), .restored,
            .described(
                by: .callee, in: .init("UPDATE"), isOffer: true, isDisclosed: false,
                streams: [.init(kind: "media", direction: .inactive, rtp: nil)]),
        ]
        for report in [call.report, SampleCall().report] {
            let answer = ControlAnswer.call(report)
            #expect(answer.json.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
            #expect(try ControlAnswer(json: answer.json.span, to: .call([1])) == answer)
        }
        var unknown = call.report
        unknown.callee = nil
        unknown.session.pinholes = nil
        let answer = ControlAnswer.call(unknown)
        #expect(try ControlAnswer(json: answer.json.span, to: .call([1])) == answer)
    }

    @Test(arguments: [
        ("\"what\":\"holes\"", "\"what\":\"hole\""), ("\"direction\":\"sendrecv\"", "\"direction\":\"both\""),
        ("\"by\":\"caller\"", "\"by\":\"nobody\""), ("10.1.0.2:4000", "10.1.0.2"), ("\"inside\":true", "\"inside\":1"),
        ("\"omitted_events\":3", "\"omitted_events\":-3"),
    ])
    func `a report with a fault is refused`(_ original: String, _ replacement: String) {
        let good = String(decoding: ControlAnswer.call(SampleCall().report).json, as: UTF8.self)
        let bad = Array(
            good.split(separator: original, omittingEmptySubsequences: false).joined(separator: replacement).utf8)
        #expect(bad != Array(good.utf8))
        #expect(throws: ParseError.self) { try ControlAnswer(json: bad.span, to: .call([1])) }
    }
}
