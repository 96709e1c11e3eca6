import CMSText
import Crypto
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

/// A caller on the bench and the answers that a far side would give.
struct CallerScript {
    var bench: Bench
    private(set) var invite: Message

    static let sdp = """
        v=0
        o=- 1 1 IN IP4 192.0.2.20
        s=-
        c=IN IP4 192.0.2.20
        t=0 0
        m=audio 5000 RTP/AVP 0
        """

    /// A caller that has sent its INVITE.
    init(
        protection: Protection = .plain, recipients: [Certificate] = [], policy: DisclosurePolicy = DisclosurePolicy(),
        identity: Identity? = nil, change: (inout CallPlan) -> Void = { _ in }
    ) throws {
        var bench = try Bench(address: "192.0.2.10", identity: identity, policy: policy)
        let desk = bench.desk
        var plan = CallPlan(
            target: Array("sip:bob@b.example.net".utf8), from: Array("sip:alice@a.example.net".utf8),
            destination: Destination(.udp, try #require(Endpoint("192.0.2.9:5060"))), protection: protection)
        plan.recipients = recipients.map { desk.add($0) }
        change(&plan)
        let number = bench.agent.nextCall()
        bench.handle(.place(number, plan))
        invite = try bench.takeOne()
        self.bench = bench
    }

    /// A response to the INVITE.
    func response(
        _ status: UInt16, tag: String = "b1", fields: [(HeaderName, String)] = [], sdp: String? = nil
    ) -> Message {
        var response = Message(status: status, reason: "Whatever", to: invite, tag: Array(tag.utf8))
        response.append(.contact, Array("<sip:bob@192.0.2.20:5062>".utf8))
        for (name, value) in fields { response.append(name, Array(value.utf8)) }
        if let sdp {
            let body = sdp.split(separator: "\n").map { $0 + "\r\n" }.joined()
            response.setBody(Array(body.utf8), contentType: Array("application/sdp".utf8))
        }
        return response
    }

    mutating func receive(
        _ status: UInt16, tag: String = "b1", fields: [(HeaderName, String)] = [], sdp: String? = nil
    ) throws {
        try bench.receive(response(status, tag: tag, fields: fields, sdp: sdp))
    }

    /// Takes the next INVITE, after a 496.
    mutating func takeInvite() throws { invite = try #require(bench.takeSent().last { $0.method == .invite }) }

    /// The INVITE is answered and the ACK sent.
    mutating func establish() throws -> Message {
        try receive(200, sdp: Self.sdp)
        return try bench.takeOne()
    }
}
