import SIPText
import SIPTransactions
import Testing
import Wire

/// What a layer does that has no place left: nothing that costs memory.
@Suite struct FullLayerTests {
    static let maximum = 3

    /// A layer with as many transactions as it may have.
    static func full() -> TransactionLayer {
        var layer = TransactionLayer(timers: Timers(), maximumTransactions: maximum)
        for number in 1...maximum {
            let actions = layer.receive(Sample.request("INVITE", branch: "z9hG4bKfull\(number)"), from: Sample.udp)
            #expect(actions.newTransaction != nil)
        }
        #expect(layer.count == maximum)
        return layer
    }

    @Test(arguments: ["INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "BLIP"])
    func `one request more is answered with 503 and not kept`(method: String) throws {
        var layer = Self.full()
        let request = Sample.request(method)
        let actions = layer.receive(request, from: Sample.udp)
        #expect(layer.count == Self.maximum)
        #expect(actions == layer.receive(request, from: Sample.udp))  // the tag too
        guard actions.count == 1, case .send(let response, let destination) = actions.first else {
            Issue.record("not one response: \(actions)")
            return
        }
        #expect(destination == Destination(respondingTo: request, from: Sample.udp))
        #expect(response.status == 503)
        #expect(response.number(of: .retryAfter, upTo: 60) == TransactionLimits.retryAfterSeconds)
        #expect(response.tag(of: .to) != nil)
    }

    @Test func `an ACK is never answered`() {
        var layer = Self.full()
        let ack = Sample.request("ACK")
        #expect(layer.receive(ack, from: Sample.udp) == [.acknowledge(ack, Sample.udp, nil)])
    }

    @Test func `retransmissions are still answered`() throws {
        var layer = Self.full()
        let known = Sample.request("INVITE", branch: "z9hG4bKfull1")
        #expect(layer.receive(known, from: Sample.udp) == [])
    }

    @Test func `there is no place for an own request either, until one ends`() throws {
        var layer = Self.full()
        #expect(layer.request(Sample.request("OPTIONS"), to: Sample.overUDP) == nil)
        #expect(layer.count == Self.maximum)
        var roomy = TransactionLayer(timers: Timers(), maximumTransactions: 1)
        let made = roomy.request(Sample.request("OPTIONS"), to: Sample.overUDP)
        _ = roomy.transportFailed(try #require(made).0)
        #expect(roomy.request(Sample.request("OPTIONS"), to: Sample.overUDP) != nil)
    }

    @Test func `what ends a call takes the reserve, up to its last place`() throws {
        var layer = Self.full()
        let cancel = layer.receive(Sample.request("CANCEL", branch: "z9hG4bKfull1"), from: Sample.udp)
        #expect(cancel.newTransaction != nil)
        #expect(layer.request(.cancel(for: Sample.request("INVITE")), to: Sample.overUDP) != nil)
        #expect(layer.request(Sample.request("BYE", branch: "z9hG4bKown", toTag: "b1"), to: Sample.overUDP) != nil)
        for number in 4...TransactionLimits.reserveForEnding {
            let bye = Sample.request("BYE", branch: "z9hG4bKbye\(number)", toTag: "b1")
            #expect(layer.receive(bye, from: Sample.udp).newTransaction != nil)
        }
        #expect(layer.count == Self.maximum + TransactionLimits.reserveForEnding)
        let last = Sample.request("BYE", branch: "z9hG4bKlast", toTag: "b1")
        #expect(layer.receive(last, from: Sample.udp).sent.map(\.status) == [503])
        #expect(layer.request(last, to: Sample.overUDP) == nil)
        #expect(layer.count == Self.maximum + TransactionLimits.reserveForEnding)
    }
}
