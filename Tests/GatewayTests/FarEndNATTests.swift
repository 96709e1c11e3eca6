import GateProtocol
import SDPText
import SIPText
import Testing
import Wire

@testable import Gateway

/// A party outside that is behind somebody else's address translation: what the gate is asked, and what the phone is told.
@Suite struct FarEndNATTests {
    private let claimed = Endpoint(.v4(0xC0A8_0107), 5_000)

    private func script(_ setting: Setting, learns: Bool = true) -> Script {
        Script(setting) { $0.learnsFarEnd = learns }
    }

    /// The end that is outside, and the phone.
    private func ends(_ call: Call) -> (far: Leg, near: Leg) {
        call.caller.phone.side == .outside ? (call.caller, call.callee) : (call.callee, call.caller)
    }

    /// Sets a call up in which the party outside sends this description.
    private func establish(_ call: Call, _ body: Body) {
        call.caller.invite(call.caller.phone.side == .outside ? body : nil)
        call.callee.answer(call.callee.phone.side == .outside ? body : nil)
    }

    private func told(_ phone: Phone) -> Endpoint? {
        phone.inbox.last { !$0.body.isEmpty }.flatMap { Body.media(of: $0) ?? nil }
    }

    /// RTP and RTCP as they are to be learned.
    private func learning(_ call: Call, _ told: Endpoint) -> [LearningPath] {
        let (far, near) = ends(call)
        return zip(Call.pair(near.media), Call.pair(told)).map {
            LearningPath(inside: $0, told: $1, from: far.phone.endpoint.address)
        }
    }

    @Test(arguments: Setting.bothWays)
    func `a private address is learned from that of the signalling, and the phone is told to send there`(
        _ setting: Setting
    ) throws {
        let script = script(setting)
        let call = script.call()
        let (far, near) = ends(call)
        establish(call, .media(claimed))
        #expect(script.open == [Holes(learning: learning(call, claimed))])
        #expect(told(near.phone) == Endpoint(far.phone.endpoint.address, claimed.port))
        let body = try #require(near.phone.inbox.last { !$0.body.isEmpty })
        #expect(!body.text(body.body).contains("192.168"))
        #expect(body.value(of: .contentLength).map(body.text) == "\(body.body.count)")
        // The other one sees the phone as it is.
        #expect(told(far.phone) == near.media)
        // It says the same again: nothing changes. It says otherwise: it is learned anew.
        let asked = script.gate.asked.count
        far.invite(.media(claimed))
        near.answer()
        #expect(script.gate.asked.count == asked && script.open == [Holes(learning: learning(call, claimed))])
        let moved = Endpoint(claimed.address, 6_000)
        far.invite(.media(moved))
        near.answer()
        #expect(script.open == [Holes(learning: learning(call, moved))])
        // Where it can be reached after all, the path is exact.
        far.invite()
        near.answer()
        #expect(script.open == [Holes(paths: call.paths())])
        far.bye()
        script.settle()
        #expect(script.isClosed && script.leftovers.isEmpty)
    }

    @Test(arguments: Setting.bothWays)
    func `without the setting nothing is learned, and nothing is changed`(_ setting: Setting) {
        let script = script(setting, learns: false)
        let call = script.call()
        establish(call, .media(claimed))
        #expect(script.open.allSatisfy { $0.learning.isEmpty })
        #expect(script.open.flatMap(\.paths).map(\.outside) == Call.pair(claimed))
        #expect(told(ends(call).near.phone) == claimed)
    }

    @Test(arguments: Setting.bothWays)
    func `an SDP that may not be changed is not, and its paths are learned all the same`(_ setting: Setting) throws {
        let script = script(setting)
        let call = script.call()
        let part =
            "--b\r\nContent-Type: application/sdp\r\n\r\n" + String(decoding: Body.description(claimed), as: UTF8.self)
        let signature = "\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n"
        let signed = Array((part + signature).utf8)
        establish(call, .octets(signed, type: "multipart/signed;boundary=b"))
        #expect(script.open == [Holes(learning: learning(call, claimed))])
        let body = try #require(ends(call).near.phone.inbox.last { !$0.body.isEmpty })
        #expect(body.text(body.body) == String(decoding: signed, as: UTF8.self))
    }

    @Test(arguments: Setting.bothWays)
    func `the process that comes after learns the same`(_ setting: Setting) {
        let script = script(setting)
        let call = script.call()
        establish(call, .media(claimed))
        let wanted = Holes(learning: learning(call, claimed))
        for isEmpty in [false, true] {
            script.restart(empty: isEmpty)
            #expect(script.open == [wanted])
        }
        call.caller.bye()
        script.settle()
        #expect(script.isClosed && script.journal.isEmpty)
    }

    @Test func `where the gate translates too, each side is told where it reaches the other`() throws {
        let script = script(Setting(caller: .outside, callee: .inside))
        script.translate(to: .v4(0xC633_00C8))
        let call = script.call()
        establish(call, .media(claimed))
        let (far, near) = ends(call)
        #expect(script.open == [Holes(learning: learning(call, claimed))])
        #expect(told(near.phone) == Endpoint(far.phone.endpoint.address, claimed.port))
        #expect(told(far.phone) == script.gate.external(of: near.media) && told(far.phone) != nil)
    }

    @Test func `an address that the policy forbids is not learned from`() {
        let setting = Setting(caller: .outside, callee: .inside)
        let script = Script(setting) { settings in
            settings.learnsFarEnd = true
            if let prefix = Prefix("198.51.0.9/32") { settings.policy.forbidden.append(prefix) }
        }
        let call = script.call()
        call.caller.invite(.media(claimed))
        call.callee.answer()
        #expect(script.open.allSatisfy { $0.learning.isEmpty && $0.paths.isEmpty })
    }

    @Test(arguments: [
        ("192.168.1.7", "198.51.0.9", 2), ("10.9.0.7", "198.51.0.9", 2), ("172.31.255.7", "198.51.0.9", 2),
        ("100.127.0.7", "198.51.0.9", 2), ("172.32.0.7", "198.51.0.9", 0), ("100.128.0.7", "198.51.0.9", 0),
        ("100.63.0.7", "198.51.0.9", 0), ("203.0.113.7", "198.51.0.9", 0), ("192.168.1.7", "192.168.1.7", 0),
        ("192.168.1.7", "192.168.2.1", 0), ("192.168.1.7", "10.1.0.9", 0), ("10.1.0.7", "198.51.0.9", 0),
    ])
    func `who cannot be reached where it says`(claim: String, source: String, count: Int) throws {
        var settings = Script(Setting()).controller.settings
        settings.learnsFarEnd = true
        let address = try #require(IPAddress(claim))
        let from = try #require(IPAddress(source))
        let plain = try SessionDescription(parsing: Body.description(Endpoint(address, 5_000)))
        #expect(settings.unreachable(in: plain, from: from).count == count)
        // ICE finds its own way.
        let candidate = "a=candidate:1 1 UDP 2130706431 \(address) 5000 typ host\r\n"
        let withICE = Body.description(Endpoint(address, 5_000)) + Array(candidate.utf8)
        #expect(try settings.unreachable(in: SessionDescription(parsing: withICE), from: from).isEmpty)
        settings.learnsFarEnd = false
        #expect(settings.unreachable(in: plain, from: from).isEmpty)
    }
}
