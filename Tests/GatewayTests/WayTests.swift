import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Next hops: names, failover, the transport of large requests.
@Suite struct WayTests {
    private let domain = Array("far.example".utf8)
    private let first = Destination(.udp, Endpoint(Family.v4.outside(32), 5060))
    private let second = Destination(.udp, Endpoint(Family.v4.outside(33), 5060))

    private func script(_ servers: [Destination], _ setting: Setting = Setting()) -> Script {
        let script = Script(setting) { $0.resolvesNames = true }
        script.servers[domain] = servers
        return script
    }

    private func call(_ script: Script, _ host: UInt32 = 32, id: String = "way") -> (caller: Leg, callee: Leg) {
        let uri = "sip:bob@far.example"
        let (from, to) = (script.phone(.inside, 9), script.phone(.outside, host))
        return (
            Leg(from, callID: id, isCaller: true, localURI: "sip:alice@inside.example", remoteURI: uri),
            Leg(to, callID: id, isCaller: false, localURI: uri, remoteURI: "sip:alice@inside.example")
        )
    }

    @Test func `an inside phone reaches a domain by the name of its server`() {
        let script = script([first])
        let (caller, callee) = call(script)
        caller.invite()
        #expect(script.lookedUp == [ServerQuery(host: domain, port: nil, transport: nil)])
        callee.ring()
        callee.answer()
        #expect(caller.isUp && caller.statuses == [180, 200])
        caller.bye()
        script.settle()
        #expect(script.leftovers.isEmpty)
    }

    @Test func `a name that is nobody's is 404`() {
        let script = script([])
        let (caller, _) = call(script)
        caller.invite()
        #expect(caller.statuses == [404])
        script.settle()
        #expect(script.leftovers.isEmpty && script.controller.sessions.isEmpty)
    }

    @Test(arguments: ["10.1.0.16", "198.51.0.1", "127.0.0.1", "169.254.1.1", "224.0.0.1"])
    func `a name that leads inside, to the gateway or nowhere is not followed`(_ address: String) throws {
        let script = script([Destination(.udp, Endpoint(try #require(IPAddress(address)), 5060))])
        let (caller, _) = call(script)
        caller.invite()
        #expect(caller.statuses == [403])
        #expect(script.astray.isEmpty)
    }

    @Test func `nobody outside has names looked up`() {
        let script = script([first])
        let leg = Leg(
            script.phone(.outside, 9), callID: "way", isCaller: true, localURI: "sip:m@x.example",
            remoteURI: "sip:bob@far.example")
        leg.invite()
        #expect(leg.statuses == [404])
        #expect(script.lookedUp.isEmpty)
    }

    @Test func `when the first server cannot be reached the next is tried`() {
        let script = script([first, second])
        let (caller, callee) = call(script, 33)
        script.lostSends = [1]
        caller.invite()
        callee.answer()
        #expect(caller.isUp)
        #expect(caller.statuses == [200])
        caller.bye()
        script.settle()
        #expect(script.leftovers.isEmpty)
    }

    @Test func `when the first server is silent the next is tried after timer B`() {
        let script = script([first, second])
        let (caller, callee) = call(script, 33)
        caller.invite()
        #expect(!callee.isAsked)
        script.advance(by: .seconds(33))
        #expect(callee.isAsked)
        callee.answer()
        #expect(caller.isUp)
    }

    @Test func `a server that was silent is tried last, until five minutes have passed`() {
        let script = script([first, second])
        let (caller, callee) = call(script, 33)
        caller.invite()
        script.advance(by: .seconds(33))
        callee.answer()
        for (wait, expected) in [(298, second), (3, first)] {
            script.advance(by: .seconds(wait))
            let before = script.sent.count
            let (next, _) = call(script, 34, id: "after\(wait)")
            next.invite()
            let invites = script.sent[before...].filter { $0.message.method == .invite }
            #expect(invites.map(\.destination.remote) == [expected.remote])
        }
    }

    @Test func `a server that is overloaded is tried last for as long as it says, or until it answers`() {
        let script = script([first, second])
        func firstHop(_ id: String, _ host: UInt32 = 34) -> (Leg, Endpoint?) {
            let before = script.sent.count
            let (caller, callee) = call(script, host, id: id)
            caller.invite()
            return (callee, script.sent[before...].first { $0.message.method == .invite }?.destination.remote)
        }
        let busy = Array("120 (busy)".utf8)
        firstHop("a", 32).0.reject(503) { $0.append(.retryAfter, busy) }
        script.advance(by: .seconds(118))
        #expect(firstHop("b").1 == second.remote)
        script.advance(by: .seconds(3))
        let (again, remote) = firstHop("c", 32)
        #expect(remote == first.remote)
        again.reject(503) { $0.append(.retryAfter, busy) }
        // The other one is overloaded too, and the first, which comes last, answers.
        let last = Leg(
            script.phone(.outside, 32), callID: "d", isCaller: false, localURI: "sip:bob@far.example",
            remoteURI: "sip:alice@inside.example", name: "-first")
        let (other, way) = firstHop("d", 33)
        #expect(way == second.remote)
        other.reject(503)
        last.ring()
        script.advance(by: .seconds(33))
        #expect(firstHop("e").1 == first.remote)
    }

    @Test func `when the first server is overloaded the next is tried, and its 503 stays here`() {
        let script = script([first, second])
        let (caller, callee) = call(script, 33)
        let overloaded = Leg(
            script.phone(.outside, 32), callID: "way", isCaller: false, localURI: "sip:bob@far.example",
            remoteURI: "sip:alice@inside.example", name: "-first")
        caller.invite()
        overloaded.reject(503)
        callee.answer()
        #expect(caller.statuses == [200])
    }

    @Test func `who was reached is not passed over`() {
        let script = script([first, second])
        let (caller, callee) = call(script)
        caller.invite()
        callee.ring()
        callee.reject(503)
        #expect(caller.statuses == [180, 500])
        #expect(script.astray.isEmpty)
    }

    // MARK: Size

    private func longInvite(_ caller: Leg, _ count: Int) {
        caller.invite { $0.append(.subject, Array(repeating: UInt8(ascii: "x"), count: count)) }
    }

    @Test func `a request of more than 1300 octets goes by a connection`() throws {
        for extra in [0, 1] {
            let script = script([first])
            let (caller, _) = call(script)
            caller.invite()
            let octets = try #require(script.sent.last { $0.message.method == .invite }).message.serialized().count
            let again = Script { $0.resolvesNames = true }
            again.servers[domain] = [first]
            let (long, _) = call(again)
            // "Subject: " and the line end.
            longInvite(long, 1_300 - octets - 11 + extra)
            let sent = try #require(again.sent.last { $0.message.method == .invite })
            #expect(sent.message.serialized().count >= 1_300)
            #expect(sent.destination.transport == (extra == 0 ? .udp : .tcp))
            let via = try #require(sent.message.firstValue(of: .via))
            #expect(sent.message.text(via).hasPrefix(extra == 0 ? "SIP/2.0/UDP" : "SIP/2.0/TCP"))
        }
    }

    @Test func `the size that counts is that of what is written`() {
        let script = Script()
        for length in 1_290...1_310 {
            // Rows that were added have less in the buffer than is written of them.
            var message = Message(request: .ack, uri: Array("sip:bob@far.example".utf8), sequence: 1)
            for _ in 0..<20 { message.append(.subject, Array(repeating: UInt8(ascii: "x"), count: 40)) }
            let rest = length - message.serialized().count - "Subject: \r\n".utf8.count
            message.append(.subject, Array(repeating: UInt8(ascii: "x"), count: rest))
            #expect(message.serialized().count == length)
            #expect(script.controller.exceedsDatagram(message) == (length > 1_300))
        }
    }

    @Test(arguments: [(true, UInt16(404)), (false, 504)])
    func `no server for a domain is not the same as no answer from the name servers`(
        _ answers: Bool, _ status: UInt16
    ) {
        let script = Script { $0.resolvesNames = true }
        script.nameServersAnswer = answers
        let (caller, _) = call(script)
        caller.invite()
        #expect(caller.lastStatus == status)
    }

    @Test func `a next hop that takes no connection gets the large request as a datagram`() throws {
        let script = script([first])
        let (caller, callee) = call(script)
        script.lostSends = [1]
        longInvite(caller, 1_500)
        #expect(callee.isAsked)
        let sent = script.sent.filter { $0.message.method == .invite }
        #expect(sent.map(\.destination.transport) == [.tcp, .udp])
        callee.answer()
        #expect(caller.isUp)
        // Which is remembered for a minute.
        for (wait, transports) in [(59, [TransportKind.udp]), (1, [.tcp])] {
            script.advance(by: .seconds(wait))
            let before = script.sent.count
            longReinvite(caller)
            let invites = script.sent[before...].filter { $0.message.method == .invite }
            #expect(invites.map(\.destination.transport) == transports)
            callee.answer()
        }
        script.settle()
        #expect(script.astray.isEmpty)
    }

    @Test func `an ACK of more than 1300 octets goes by a connection, and as a datagram where there is none`() throws {
        let script = script([first])
        let (caller, callee) = call(script)
        caller.invite()
        callee.answer()
        #expect(caller.isUp)
        for (isLost, transport) in [(false, TransportKind.tcp), (false, .tcp), (true, .tcp), (false, .udp)] {
            let before = script.sent.count
            // One that worked and is closed later says nothing of the next.
            script.advance(by: .seconds(8))
            if !isLost, transport == .tcp { script.feed(.transportFailed(Destination(.tcp, first.remote))) }
            if isLost { script.lostSends = [before] }
            caller.acknowledge { $0.append(.subject, Array(repeating: UInt8(ascii: "x"), count: 1_300)) }
            let sent = try #require(script.sent[before...].first { $0.message.method == .ack })
            #expect(sent.destination.transport == transport)
            let via = try #require(sent.message.firstValue(of: .via))
            #expect(sent.message.text(via).hasPrefix(transport == .tcp ? "SIP/2.0/TCP" : "SIP/2.0/UDP"))
        }
    }

    private func longReinvite(_ leg: Leg) { longInvite(leg, 1_500) }

    @Test func `so many next hops without connections are remembered and not one more`() {
        var hops = DatagramHops()
        let (start, later) = (MonotonicTime(nanoseconds: 0), MonotonicTime(nanoseconds: 0) + DatagramHops.memory)
        for host in 0...UInt32(DatagramHops.maximum) { hops.insert(Endpoint(.v4(0xC000_0000 + host), 5060), at: start) }
        let last = Endpoint(.v4(0xC000_0000 + UInt32(DatagramHops.maximum)), 5060)
        #expect(hops.count == DatagramHops.maximum && !hops.contains(last, at: start))
        #expect(!hops.contains(Endpoint(.v4(0xC000_0000), 5060), at: later))
        hops.insert(last, at: later)
        #expect(hops.count == 1 && hops.contains(last, at: later))
    }
}
