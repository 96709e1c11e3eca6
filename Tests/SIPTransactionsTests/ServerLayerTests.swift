import SIPText
import Testing
import Wire

@testable import SIPTransactions

/// The layer's server side: what it answers itself and what the transaction user sees.
@Suite struct ServerLayerTests {
    var layer = TransactionLayer(timers: Timers(), maximumTransactions: 100)
    static let invite = Sample.request("INVITE")
    static let ack = Sample.request("ACK", toTag: "b1")
    static let back = Destination(.udp, Sample.caller, local: Sample.gateway)

    /// Takes a request that must become a transaction.
    mutating func open(_ request: Message, from flow: Flow = Sample.udp) throws -> TransactionID {
        try #require(layer.receive(request, from: flow).newTransaction)
    }

    @Test mutating func `a request is told once and answered again`() throws {
        let options = Sample.request("OPTIONS")
        let id = try open(options)
        #expect(layer.request(of: id) == options)
        #expect(layer.receive(options, from: Sample.udp) == [])  // nothing to answer with yet
        let ok = Sample.response(200, to: options)
        let j = layer.respond(ok, to: id)
        #expect(j.first == .send(ok, Self.back))
        #expect(layer.receive(options, from: Sample.udp) == [.send(ok, Self.back)])
        let token = try #require(j.timers[.j])
        #expect(layer.fired(token) == [.ended(id)])
        #expect(layer.count == 0)
        #expect(layer.request(of: id) == nil)
        #expect(layer.fired(token) == [])  // a timer of a transaction that is gone
        #expect(layer.respond(ok, to: id) == [])
        #expect(try open(options) != id)  // the number is not used again
    }

    @Test mutating func `a failed INVITE absorbs its ACK`() throws {
        let id = try open(Self.invite)
        let busy = Sample.response(486, to: Self.invite)
        let actions = layer.respond(busy, to: id)
        #expect(actions.first == .send(busy, Self.back))
        let g = try #require(actions.timers[.g])
        let h = try #require(actions.timers[.h])
        let confirmed = layer.receive(Self.ack, from: Sample.udp)
        let i = try #require(confirmed.timers[.i])
        #expect(confirmed == [.cancel(g), .cancel(h), .start(i, .seconds(5))])
        #expect(layer.receive(Self.ack, from: Sample.udp) == [])
        #expect(layer.fired(i) == [.ended(id)])
    }

    @Test mutating func `without an ACK the failure times out`() throws {
        let id = try open(Self.invite)
        let actions = layer.respond(Sample.response(486, to: Self.invite), to: id)
        let g = try #require(actions.timers[.g])
        #expect(layer.fired(try #require(actions.timers[.h])) == [.cancel(g), .timedOut(id), .ended(id)])
    }

    @Test mutating func `after a 2xx ACKs go to the TU, with the transaction when the branch is the INVITE's`() throws {
        let id = try open(Self.invite)
        let ok = Sample.response(200, to: Self.invite)
        _ = layer.respond(ok, to: id)
        #expect(layer.receive(Self.invite, from: Sample.udp) == [])
        #expect(layer.respond(ok, to: id) == [.send(ok, Self.back)])
        #expect(layer.receive(Self.ack, from: Sample.udp) == [.acknowledge(Self.ack, Sample.udp, id)])
        let usual = Sample.request("ACK", branch: "z9hG4bKother", toTag: "b1")
        #expect(layer.receive(usual, from: Sample.udp) == [.acknowledge(usual, Sample.udp, nil)])
        #expect(layer.count == 1)
    }

    @Test mutating func `an ACK to nothing makes nothing`() {
        #expect(layer.receive(Self.ack, from: Sample.udp) == [.acknowledge(Self.ack, Sample.udp, nil)])
        #expect(layer.count == 0)
    }

    @Test mutating func `an ACK in proceeding is absorbed`() throws {
        _ = try open(Self.invite)
        #expect(layer.receive(Self.ack, from: Sample.udp) == [])
    }

    @Test mutating func `a CANCEL has its own transaction and names the INVITE's`() throws {
        let invite = try open(Self.invite)
        let cancel = Sample.request("CANCEL")
        let actions = layer.receive(cancel, from: Sample.udp)
        let id = try #require(actions.newTransaction)
        #expect(actions == [.cancelRequest(cancel, id, of: invite, Sample.udp)])
        #expect(id != invite)
        #expect(layer.receive(cancel, from: Sample.udp) == [])
        let ok = Sample.response(200, to: cancel)
        #expect(layer.respond(ok, to: id).first == .send(ok, Self.back))
        #expect(layer.receive(cancel, from: Sample.udp) == [.send(ok, Self.back)])
    }

    @Test(arguments: ["INVITE", "OPTIONS"])
    mutating func `a CANCEL of something else names nothing`(method: String) throws {
        _ = try open(Sample.request(method, branch: method == "INVITE" ? "z9hG4bKother" : "z9hG4bKone"))
        let cancel = Sample.request("CANCEL")
        let actions = layer.receive(cancel, from: Sample.udp)
        let id = try #require(actions.newTransaction)
        #expect(actions == [.cancelRequest(cancel, id, of: nil, Sample.udp)])
    }

    @Test mutating func `one request by two ways is two transactions`() throws {
        let first = try open(Self.invite)
        let second = try open(Sample.request("INVITE", branch: "z9hG4bKmerged"))
        #expect(first != second)
        #expect(layer.count == 2)
    }

    @Test mutating func `a retransmission by another flow is answered where the request came from`() throws {
        let id = try open(Self.invite)
        let trying = Sample.response(100, to: Self.invite)
        _ = layer.respond(trying, to: id)
        let elsewhere = Flow(transport: .udp, local: Sample.gateway, remote: Endpoint(.v4(0xC000_0242), 5060))
        #expect(layer.receive(Self.invite, from: elsewhere) == [.send(trying, Self.back)])
    }

    @Test mutating func `over a connection a final response ends all but an INVITE`() throws {
        let way = Destination(respondingTo: Self.invite, from: Sample.tcp)
        let options = Sample.request("OPTIONS")
        let id = try open(options, from: Sample.tcp)
        let ok = Sample.response(200, to: options)
        #expect(layer.respond(ok, to: id) == [.send(ok, way), .ended(id)])

        let invite = try open(Self.invite, from: Sample.tcp)
        let busy = Sample.response(486, to: Self.invite)
        let h = try #require(layer.respond(busy, to: invite).timers[.h])
        #expect(layer.receive(Self.ack, from: Sample.tcp) == [.cancel(h), .ended(invite)])
        #expect(layer.count == 0)
        #expect(layer.connections.isEmpty)
    }

    @Test mutating func `a 408 goes to an INVITE only`() throws {
        let options = Sample.request("OPTIONS")
        let id = try open(options)
        #expect(layer.respond(Sample.response(408, to: options), to: id) == [.ended(id)])
        let invite = try open(Self.invite)
        let timeout = Sample.response(408, to: Self.invite)
        #expect(layer.respond(timeout, to: invite).sent == [timeout])
    }

    @Test mutating func `a server transaction can be abandoned unless it is an INVITE's`() throws {
        let id = try open(Sample.request("OPTIONS"))
        #expect(layer.abandon(id) == [.ended(id)])
        let invite = try open(Self.invite)
        #expect(layer.abandon(invite) == [])
    }

    @Test mutating func `a request is no response`() throws {
        let id = try open(Self.invite)
        #expect(layer.respond(Self.invite, to: id) == [])
    }

    @Test mutating func `a request without a Via is absorbed`() {
        let bare = Message(request: .options, uri: Array("sip:a".utf8), sequence: 1)
        #expect(layer.receive(bare, from: Sample.udp) == [])
        #expect(layer.count == 0)
    }

    @Test mutating func `a request of RFC 2543 is matched too`() throws {
        let old = Sample.request("INVITE", branch: "")
        let id = try open(old)
        let busy = Sample.response(486, to: old)
        _ = layer.respond(busy, to: id)
        #expect(layer.receive(old, from: Sample.udp).sent == [busy])
        let i = layer.receive(Sample.request("ACK", branch: "", toTag: "b1"), from: Sample.udp).timers[.i]
        #expect(layer.fired(try #require(i)) == [.ended(id)])
        #expect(layer.count == 0)
    }

    @Test mutating func `a connection that is gone is told to its transactions in order, and ends none`() throws {
        let one = try open(Self.invite, from: Sample.tcp)
        let other = try open(Sample.request("INVITE", branch: "z9hG4bKtwo"), from: Sample.tcp)
        _ = try open(Sample.request("INVITE", branch: "z9hG4bKudp"))
        #expect(layer.connectionFailed(7) == [.failed(one), .failed(other)])
        #expect(layer.connectionFailed(8) == [])
        #expect(layer.count == 3)
        let busy = Sample.response(486, to: Self.invite)
        #expect(layer.respond(busy, to: one).sent == [busy])
    }
}
