import SIPText
import SIPTransactions
import Testing
import Wire

/// The layer's client side.
@Suite struct ClientLayerTests {
    var layer = TransactionLayer(timers: Timers(), maximumTransactions: 100)
    static let invite = Sample.request("INVITE")
    static let fromServer = Flow(transport: .udp, local: Sample.gateway, remote: Sample.overUDP.remote)

    /// Sends a request that must become a transaction.
    mutating func open(
        _ request: Message, to destination: Destination = Sample.overUDP
    ) throws -> (id: TransactionID, actions: [TransactionAction]) {
        let made = layer.request(request, to: destination)
        return try #require(made)
    }

    @Test mutating func `an INVITE is sent, answered, acknowledged and forgotten`() throws {
        let (id, actions) = try open(Self.invite)
        let a = try #require(actions.timers[.a])
        let b = try #require(actions.timers[.b])
        #expect(
            actions == [
                .send(Self.invite, Sample.overUDP), .start(a, .milliseconds(500)), .start(b, .seconds(32)),
            ])
        #expect(layer.request(of: id) == Self.invite)
        #expect(layer.fired(a) == [.send(Self.invite, Sample.overUDP), .start(a, .seconds(1))])
        let ringing = Sample.response(180, to: Self.invite)
        #expect(layer.receive(ringing, from: Self.fromServer) == [.cancel(a), .cancel(b), .response(ringing, id)])
        let busy = Sample.response(486, to: Self.invite)
        let ack = Message.acknowledgement(of: busy, to: Self.invite)
        let completed = layer.receive(busy, from: Self.fromServer)
        let d = try #require(completed.timers[.d])
        #expect(completed == [.send(ack, Sample.overUDP), .response(busy, id), .start(d, .seconds(32))])
        #expect(layer.receive(busy, from: Self.fromServer) == [.send(ack, Sample.overUDP)])
        #expect(layer.fired(d) == [.ended(id)])
        #expect(layer.receive(busy, from: Self.fromServer) == [.strayResponse(busy, Self.fromServer)])
        #expect(layer.count == 0)
    }

    @Test mutating func `each 2xx to an INVITE goes to the TU`() throws {
        let (id, _) = try open(Self.invite)
        let ok = Sample.response(200, to: Self.invite)
        let m = try #require(layer.receive(ok, from: Self.fromServer).timers[.m])
        #expect(layer.receive(ok, from: Self.fromServer) == [.response(ok, id)])
        let other = Sample.response(200, to: Self.invite, tag: "b2")
        #expect(layer.receive(other, from: Self.fromServer) == [.response(other, id)])
        #expect(layer.fired(m) == [.ended(id)])
    }

    @Test mutating func `a response from another host is nobody's`() throws {
        let options = Sample.request("OPTIONS")
        let (id, _) = try open(options)
        let ok = Sample.response(200, to: options)
        var elsewhere = Self.fromServer
        elsewhere.remote = Endpoint(.v4(0x0A00_0063), elsewhere.remote.port)
        #expect(layer.receive(ok, from: elsewhere) == [.strayResponse(ok, elsewhere)])
        elsewhere.transport = .tcp
        elsewhere.connection = 3
        #expect(layer.receive(ok, from: elsewhere) == [.strayResponse(ok, elsewhere)])
        #expect(layer.receive(ok, from: Self.fromServer).contains(.response(ok, id)))
    }

    @Test mutating func `over a connection a final response ends all but a 2xx to an INVITE`() throws {
        let options = Sample.request("OPTIONS")
        let (id, actions) = try open(options, to: Sample.overTCP)
        let f = try #require(actions.timers[.f])
        let ok = Sample.response(200, to: options)
        #expect(layer.receive(ok, from: Sample.tcp) == [.cancel(f), .response(ok, id), .ended(id)])
        let (invite, _) = try open(Self.invite, to: Sample.overTCP)
        let busy = Sample.response(486, to: Self.invite)
        let ended = layer.receive(busy, from: Sample.tcp)
        #expect(ended.suffix(2) == [.response(busy, invite), .ended(invite)])
        #expect(ended.sent == [.acknowledgement(of: busy, to: Self.invite)])
        #expect(layer.count == 0)
    }

    @Test(arguments: [
        Sample.response(200, to: Sample.request("INVITE", branch: "z9hG4bKtwo")),
        Sample.response(200, to: Sample.request("INVITE", sentBy: "10.0.0.7")),
        Sample.response(200, to: Sample.request("CANCEL")),
    ])
    mutating func `a response that matches nothing is shown and makes nothing`(stray: Message) throws {
        _ = try open(Self.invite)
        #expect(layer.receive(stray, from: Self.fromServer) == [.strayResponse(stray, Self.fromServer)])
        #expect(layer.count == 1)
    }

    @Test mutating func `an INVITE and its CANCEL are two transactions`() throws {
        let (invite, _) = try open(Self.invite)
        let (cancel, _) = try open(.cancel(for: Self.invite))
        #expect(invite != cancel)
        let ok = Sample.response(200, to: .cancel(for: Self.invite))
        #expect(layer.receive(ok, from: Self.fromServer).contains(.response(ok, cancel)))
        let terminated = Sample.response(487, to: Self.invite)
        #expect(layer.receive(terminated, from: Self.fromServer).contains(.response(terminated, invite)))
    }

    @Test mutating func `the own request that comes back is a server transaction`() throws {
        _ = try open(Self.invite)
        #expect(layer.receive(Self.invite, from: Self.fromServer).newTransaction != nil)
        #expect(layer.count == 2)
    }

    @Test mutating func `a client transaction needs a Via of its own, and ACK is none`() throws {
        #expect(layer.request(Sample.request("ACK"), to: Sample.overUDP) == nil)
        #expect(layer.request(Sample.request("OPTIONS", branch: ""), to: Sample.overUDP) == nil)
        #expect(layer.request(Sample.response(200, to: Self.invite), to: Sample.overUDP) == nil)
        _ = try open(Self.invite)
        #expect(layer.request(Self.invite, to: Sample.overUDP) == nil)
        #expect(layer.count == 1)
    }

    @Test mutating func `an INVITE that only rings can be abandoned`() throws {
        let (id, _) = try open(Self.invite)
        _ = layer.receive(Sample.response(180, to: Self.invite), from: Self.fromServer)
        #expect(layer.abandon(id) == [.ended(id)])
        #expect(layer.count == 0)
    }

    @Test mutating func `what cannot be sent fails every transaction of that destination and no other`() throws {
        let (udp, _) = try open(Sample.request("OPTIONS"))
        let (invite, actions) = try open(Self.invite, to: Sample.overTCP)
        let (ringing, _) = try open(Sample.request("INVITE", branch: "z9hG4bKr"), to: Sample.overTCP)
        let b = try #require(actions.timers[.b])
        let progress = Sample.response(180, to: Sample.request("INVITE", branch: "z9hG4bKr"))
        _ = layer.receive(progress, from: Sample.tcp)
        #expect(layer.transportFailed(to: Destination(.tcp, Sample.overTCP.remote)) == [])  // another connection
        let before = layer
        #expect(layer.transportFailed(to: Sample.overTCP) == [.cancel(b), .failed(invite), .ended(invite)])
        #expect(layer.request(of: ringing) != nil)  // its response can come by another connection
        layer = before
        #expect(layer.connectionFailed(9) == [.cancel(b), .failed(invite), .ended(invite)])
        #expect(layer.transportFailed(udp).suffix(2) == [.failed(udp), .ended(udp)])
        #expect(layer.count == 1)
    }
}
