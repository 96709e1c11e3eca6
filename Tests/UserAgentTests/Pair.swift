import CMSText
import Crypto
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

/// A caller and a callee wired to each other in memory.
struct Pair {
    var caller: Bench
    var callee: Bench
    /// Every message that crossed, in order.
    var wire: [Message] = []

    init(
        _ algorithm: ContentAlgorithm?, reuse: KeyReuse = .kek, calleeIdentity: Identity,
        certificate: Certificate? = nil,
        timing: CallTiming = CallTiming(), answer: (inout AnswerPlan) -> Void = { _ in }
    ) throws {
        var plan = AnswerPlan()
        plan.reuse = reuse
        answer(&plan)
        caller = try Bench(address: "192.0.2.10")
        callee = try Bench(
            address: "192.0.2.20", identity: calleeIdentity, answering: plan, seed: 1 << 32, mediaPort: 5_000)
        var call = CallPlan(
            target: Array("sip:bob@192.0.2.20".utf8), from: Array("sip:alice@a.example.net".utf8),
            destination: Destination(.udp, try #require(Endpoint("192.0.2.20:5060"))),
            protection: algorithm.map { .enveloped($0) } ?? .plain)
        call.reuse = reuse
        call.timing = timing
        if algorithm != nil {
            call.recipients = [caller.desk.add(try certificate ?? calleeIdentity.requireCertificate())]
        }
        caller.handle(.place(caller.agent.nextCall(), call))
        try exchange()
    }

    /// Carries messages until none is left.
    mutating func exchange() throws {
        while !caller.sent.isEmpty || !callee.sent.isEmpty {
            for message in caller.takeSent() {
                wire.append(message)
                try callee.receive(message, from: "192.0.2.10:5060")
            }
            for message in callee.takeSent() {
                wire.append(message)
                try caller.receive(message, from: "192.0.2.20:5060")
            }
        }
    }

    mutating func hangUp(by role: CallRole) throws {
        switch role {
        case .caller: caller.handle(.hangUp)
        case .callee: callee.handle(.hangUp)
        }
        try exchange()
    }

    /// Whether something of a session description crossed in the clear.
    var leaksDescription: Bool {
        wire.contains { message in
            let octets = message.serialized()
            return ["v=0", "m=audio", "c=IN IP4", "RTP/AVP"].contains { contains(octets, Array($0.utf8)) }
        }
    }

    private func contains(_ octets: [UInt8], _ text: [UInt8]) -> Bool {
        octets.indices.contains { octets[$0...].starts(with: text) }
    }
}
