import ControlProtocol
import Testing
import Wire

/// A verdict for whatever can be the matter with a call, and no other.
@Suite struct DiagnosisTests {
    private func faults(_ diagnosis: Diagnosis) -> [String] {
        diagnosis.verdicts.filter { $0.weight == .fault }.map(\.text)
    }

    /// Only one fault, which says all of these.
    private func expectFault(_ call: SampleCall, _ parts: String..., since earlier: SampleCall? = nil) {
        let diagnosis = Diagnosis(of: call.report, since: earlier?.report, seconds: earlier == nil ? 0 : 2)
        let faults = faults(diagnosis)
        #expect(faults.count == 1, "\(faults)")
        for part in parts { #expect(faults.first?.contains(part) ?? false, "\(faults) without \(part)") }
        #expect(diagnosis.verdicts.first?.weight == .fault)
    }

    private func expectNote(_ call: SampleCall, _ parts: String...) {
        let diagnosis = Diagnosis(of: call.report)
        #expect(faults(diagnosis).isEmpty, "\(diagnosis.verdicts)")
        let notes = diagnosis.verdicts.filter { $0.weight == .note }.map(\.text)
        for part in parts { #expect(notes.contains { $0.contains(part) }, "\(notes) without \(part)") }
    }

    @Test func `what flows both ways is good`() {
        let diagnosis = Diagnosis(of: SampleCall(outward: 500, inward: 480, control: 2).report)
        #expect(diagnosis.verdicts.map(\.weight) == [.good, .good])
        #expect(diagnosis.verdicts.map(\.text).contains("audio from alice goes through to bob: 500 packets"))
        let later = SampleCall(outward: 600, inward: 581, control: 2).report
        let rates = Diagnosis(of: later, since: SampleCall(outward: 500, inward: 480).report, seconds: 2)
        #expect(
            rates.verdicts.map(\.text) == [
                "audio from alice goes through to bob: 600 packets, 50.0 a second",
                "audio from bob goes through to alice: 581 packets, 50.5 a second",
            ])
    }

    @Test func `who sends nothing is named, and where to look`() {
        expectFault(SampleCall(outward: 500), "no audio from bob", "10.2.0.2:5000", "firewall between it and this")
        expectFault(SampleCall(inward: 500), "no audio from alice", "10.1.0.2:4000")
        expectFault(SampleCall(outward: 500, control: 3), "bob's RTCP does come", "bob's phone")
        let before = SampleCall(outward: 500, inward: 480, control: 2)
        expectFault(
            SampleCall(outward: 600, inward: 480, control: 2), "audio from bob has stopped after 480 packets",
            since: before)
        let silent = Diagnosis(of: SampleCall().report)
        #expect(faults(silent).count == 2)
    }

    @Test func `who sends from elsewhere is told apart`() {
        var call = SampleCall(outward: 500)
        call.misses = [.init(source: Endpoint(call.b.address, 5_998), destination: call.a, packets: 90)]
        expectFault(call, "no audio from bob: bob sends from 10.2.0.2:5998, the SDP said :5000", "NAT on bob's side")
        call.misses = [.init(source: Endpoint(.v4(0x0A02_004D), 5_000), destination: call.a, packets: 90)]
        expectFault(call, "bob's SDP said 10.2.0.2:5000, and packets come from 10.2.0.77:5000")
        call.misses = [.init(source: call.b, destination: Endpoint(call.a.address, 4_010), packets: 90)]
        expectFault(call, "bob sends to 10.1.0.2:4010, alice's SDP said 10.1.0.2:4000")
        call = SampleCall(inward: 500)
        call.misses = [.init(source: Endpoint(call.a.address, 4_002), destination: call.b, packets: 90)]
        expectFault(call, "alice sends from 10.1.0.2:4002, the SDP said :4000")
        // The host that the SDP named counts for more than a stranger, however much that one sends.
        call = SampleCall(outward: 500)
        call.misses = [
            .init(source: Endpoint(.v4(0x0909_0909), 9), destination: call.a, packets: 900),
            .init(source: Endpoint(call.b.address, 5_998), destination: call.a, packets: 1),
        ]
        expectFault(call, "bob sends from 10.2.0.2:5998")
    }

    @Test func `behind a translation the external endpoint is what is missed`() {
        var call = SampleCall(outward: 500)
        call.external = Endpoint(.v4(0xC633_6401), 20_000)
        call.misses = [
            .init(source: Endpoint(call.b.address, 5_998), destination: Endpoint(.v4(0xC633_6401), 20_000), packets: 9)
        ]
        expectFault(call, "bob sends from 10.2.0.2:5998")
    }

    @Test func `near misses of before are not what is the matter now`() {
        var before = SampleCall(outward: 500, inward: 480)
        before.misses = [.init(source: Endpoint(before.b.address, 5_998), destination: before.a, packets: 90)]
        var now = SampleCall(outward: 600, inward: 480)
        now.misses = before.misses
        expectFault(now, "has stopped", since: before)
        now.misses[0].packets += 1
        expectFault(now, "bob sends from 10.2.0.2:5998", since: before)
    }

    @Test func `what an end does not want is no fault`() {
        expectNote(SampleCall(outward: 9, bSays: .receiveOnly), "bob said a=recvonly, and sends none")
        expectNote(SampleCall(outward: 9, aSays: .sendOnly), "alice said a=sendonly, and wants none")
        expectNote(SampleCall(aSays: .inactive), "a=inactive")
    }

    @Test func `a call that nobody answered has no media yet`() {
        var call = SampleCall(isAnswered: false)
        expectNote(call, "not answered yet")
        call.more = [.said(by: .callee, .init("INVITE", status: 486))]
        call.ending = .init(secondsAgo: 3, reason: "final error response")
        expectNote(call, "bob answered 486 to INVITE")
        call.more = [.said(by: .caller, .init("CANCEL")), .said(by: .callee, .init("INVITE", status: 487))]
        call.ending = .init(secondsAgo: 3, reason: "CANCEL")
        expectNote(call, "nobody answered: CANCEL")
    }

    @Test func `a call that another process began`() {
        var report = SampleCall().report
        report.events = [CallReportEvent(milliseconds: 9, .restored)]
        #expect(Diagnosis(of: report).verdicts.map(\.weight) == [.note])
        #expect(Diagnosis(of: report).verdicts.first?.text.contains("started again") == true)
    }

    @Test func `what this gateway refused comes first`() {
        var call = SampleCall(outward: 9, inward: 9)
        call.more = [.refused(.init("INVITE"), why: Array("its address is not inside\u{1B}[2J".utf8))]
        let texts = Diagnosis(of: call.report).verdicts
        #expect(texts.first?.weight == .fault)
        #expect(texts.first?.text == "this gateway refused INVITE: its address is not inside\\u{1b}[2J")
    }

    @Test func `who is learned has its path at the address of its signalling, not where its SDP said`() {
        for (address, isLearned) in [(IPAddress.v4(0x0A02_0009), true), (.v4(0x0A02_0008), false)] {
            var report = SampleCall(outward: 500, inward: 480).report
            report.callee?.address = .v4(0x0A02_0009)
            report.session.pinholes?[0].outside = Endpoint(address, 40_000)
            let texts = Diagnosis(of: report).verdicts.map(\.text)
            #expect(texts.contains("audio from bob goes through to alice: 480 packets") == isLearned, "\(texts)")
            #expect(texts.contains("audio from alice goes through to bob: 500 packets") == isLearned, "\(texts)")
            #expect(texts.contains { $0.contains("no path is open") } != isLearned, "\(texts)")
        }
    }

    @Test func `a path that is not open, and a gate that does not answer`() {
        var report = SampleCall(outward: 9, inward: 9).report
        report.session.pinholes = []
        #expect(faults(Diagnosis(of: report)).allSatisfy { $0.contains("no path is open between 10.") })
        report.session.pinholes = nil
        #expect(faults(Diagnosis(of: report)).first?.contains("the gate does not answer") ?? false)
    }

    @Test func `media that does not come by`() {
        var report = SampleCall().report
        report.callee?.isInside = true
        #expect(
            Diagnosis(of: report).verdicts.map(\.text) == [
                "both ends are inside: their media goes from one to the other and not by this gateway"
            ])
        report = SampleCall(isAnswered: false).report
        report.events = []
        report.session.description = .unread
        #expect(Diagnosis(of: report).verdicts.contains { $0.text.contains("no session description was shown") })
    }

    @Test func `a stream that was refused, and one without an answer`() {
        var call = SampleCall(outward: 9, inward: 9)
        call.more = [
            .described(
                by: .callee, in: .init("INVITE", status: 200), isOffer: false, isDisclosed: false,
                streams: [.init(kind: "audio", direction: .sendReceive, rtp: nil)])
        ]
        expectNote(call, "audio: refused or put on hold by bob")
        call.more = [
            .described(by: .callee, in: .init("UPDATE"), isOffer: false, isDisclosed: false, streams: [])
        ]
        expectNote(call, "bob has not answered 1 of the streams")
    }

    @Test func `verdicts as a document`() throws {
        let call = SampleCall(outward: 500)
        let text = String(decoding: Diagnosis(of: call.report).json(with: call.report), as: UTF8.self)
        #expect(text.hasPrefix("{\"call\":{\"session\":{"))
        #expect(text.contains("\"verdicts\":[{\"weight\":\"fault\",\"text\":\"no audio from bob"))
    }

    @Test(arguments: [
        ("sip:alice@x", "alice"), ("tel:+81", "the caller"), ("", "the caller"), ("sip:@x", "the caller"),
    ])
    func `who has no name is called by what it is`(_ uri: String, _ name: String) {
        var report = SampleCall().report
        report.session.from = Array(uri.utf8)
        #expect(report.name(of: .caller) == name)
    }
}
