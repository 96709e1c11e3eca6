import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// Calls with ICE (RFC 8445): the paths that the agents may choose, and no more than a call may have.
@Suite struct CandidateTests {
    /// An audio stream with candidates: component, address, port.
    private func body(_ leg: Leg, _ candidates: [(Int, IPAddress, UInt16)], isMuxed: Bool = false) -> Body {
        let lines = candidates.map { "a=candidate:1 \($0.0) UDP 1 \($0.1) \($0.2) typ host\r\n" }.joined()
        let sdp = String(decoding: Body.description(leg.media), as: UTF8.self)
        return .sdp(sdp + (isMuxed ? "a=rtcp-mux\r\n" : "") + lines)
    }

    private let relay = IPAddress.v4(0xC633_0050)

    @Test(arguments: Setting.bothWays)
    func `each candidate pair has its path, and what nobody may reach has none`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        let (caller, callee) = (call.caller, call.callee)
        let (near, far) = setting.caller == .inside ? (caller, callee) : (callee, caller)
        let inside = body(
            near,
            [
                (1, near.phone.media().address, near.port), (1, .v4(0xC0A8_0107), 4_000),
                (1, .v4(0x0A01_0063), 4_000), (1, .v4(0x7F00_0001), 4_000),
            ], isMuxed: true)
        let outside = body(
            far,
            [
                (1, far.phone.media().address, far.port), (1, relay, 6_000), (1, .v4(0x0A01_0009), 6_000),
                (1, .v4(0xC633_0001), 6_000), (2, relay, 6_001),
            ], isMuxed: true)
        caller.invite(caller === near ? inside : outside)
        callee.answer(callee === near ? inside : outside)
        let paths = [far.media, Endpoint(relay, 6_000)].map { MediaPath(inside: near.media, outside: $0) }
        #expect(Set(script.open.flatMap(\.paths)) == Set(paths))
        caller.bye()
        #expect(script.isClosed)
    }

    @Test func `RTCP of its own has the paths of its component`() {
        let script = Script()
        let call = script.call()
        let (own, other) = (call.caller.phone.media().address, call.callee.phone.media().address)
        let port = call.caller.port
        call.caller.invite(body(call.caller, [(1, own, port), (2, own, port + 1)]))
        call.callee.answer(
            body(call.callee, [(1, other, port), (2, other, port + 1), (1, relay, 6_000), (2, relay, 6_001)]))
        #expect(
            Set(script.open.flatMap(\.paths))
                == Set(call.paths() + call.paths(nil, Endpoint(relay, 6_000))))
    }

    @Test func `one end without ICE leaves what c= and m= say`() {
        let script = Script()
        let call = script.call()
        call.caller.invite(body(call.caller, [(1, call.caller.phone.media().address, 7_000)]))
        // Its checks are let in until the answer.
        #expect(script.open.map(\.halfOpen) == [Call.pair(call.caller.media) + [call.caller.phone.media(7_000)]])
        call.callee.answer()
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths()))
    }

    @Test func `so many endpoints and paths are for candidates and not one more`() {
        let script = Script()
        let call = script.call()
        let (own, other) = (call.caller.phone.media().address, call.callee.phone.media().address)
        call.caller.invite(body(call.caller, (0..<10).map { (1, own, 7_000 + 2 * $0) }, isMuxed: true))
        #expect(script.open.flatMap(\.halfOpen).count == 2 + PinholePlan.candidateEndpoints)
        call.callee.answer(body(call.callee, (0..<10).map { (1, other, 8_000 + 2 * $0) }, isMuxed: true))
        #expect(script.open.flatMap(\.paths).count == 1 + PinholePlan.candidatePaths)
        // A re-INVITE with as many again has its room.
        call.caller.invite(body(call.caller, (0..<10).map { (1, own, 9_000 + 2 * $0) }, isMuxed: true))
        #expect(call.callee.isAsked)
        call.callee.answer(body(call.callee, (0..<10).map { (1, other, 8_000 + 2 * $0) }, isMuxed: true))
        #expect(call.caller.lastStatus == 200)
    }

    @Test func `behind a translating gate the candidates are told as external endpoints`() throws {
        let script = Script()
        script.translate(to: .v4(0xC633_00C8))
        let call = script.call()
        let own = call.caller.phone.media().address
        call.caller.invite(
            body(call.caller, [(1, own, call.caller.port), (1, .v4(0xC0A8_0107), 4_000)], isMuxed: true))
        let request = try #require(call.callee.requests.first)
        let external = try #require(script.gate.external(of: call.caller.media))
        #expect(request.text(request.body).contains("UDP 1 \(external.address) \(external.port) typ host"))
        #expect(!request.text(request.body).contains("\(own)"))
    }
}
