import CMSText
import Crypto
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

/// A callee on the bench and the requests that a far side would send.
struct CalleeScript {
    var bench: Bench
    var tag = ""

    static let sdp = """
        v=0
        o=- 1 1 IN IP4 192.0.2.20
        s=-
        c=IN IP4 192.0.2.20
        t=0 0
        m=audio 6000 RTP/AVP 8 0
        """

    init(identity: Identity? = nil, _ change: (inout AnswerPlan) -> Void = { _ in }) throws {
        var plan = AnswerPlan()
        change(&plan)
        bench = try Bench(address: "192.0.2.10", identity: identity, answering: plan)
    }

    /// A request of the far side; `fields` come last.
    func request(
        _ method: String, sequence: Int = 1, branch: String? = nil, inDialog: Bool = false, callID: String = "c1",
        fields: [String] = ["Contact: <sip:alice@192.0.2.20:5066>"], body: String? = nil,
        type: String = "application/sdp"
    ) throws -> Message {
        var lines = [
            "\(method) sip:bob@192.0.2.10 SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK\(branch ?? "\(method)\(sequence)\(callID)")",
            "Max-Forwards: 69", "From: <sip:alice@a.example.net>;tag=a1",
            "To: <sip:bob@b.example.net>" + (inDialog ? ";tag=\(tag)" : ""), "Call-ID: \(callID)",
            "CSeq: \(sequence) \(method)",
        ]
        lines += fields
        if body != nil { lines.append("Content-Type: \(type)") }
        return try message(lines.joined(separator: "\n") + (body.map { "\n\n\($0)" } ?? ""))
    }

    mutating func receive(
        _ method: String, sequence: Int = 1, branch: String? = nil, inDialog: Bool = false, callID: String = "c1",
        fields: [String] = ["Contact: <sip:alice@192.0.2.20:5066>"], body: String? = nil,
        type: String = "application/sdp"
    ) throws {
        try bench.receive(
            try request(
                method, sequence: sequence, branch: branch, inDialog: inDialog, callID: callID, fields: fields,
                body: body, type: type))
    }

    /// The call is answered and acknowledged.
    mutating func establish() throws -> Message {
        try receive("INVITE", body: Self.sdp)
        let response = try bench.takeOne()
        tag = response.tag(of: .to).map(response.text) ?? ""
        try receive("ACK", branch: "ack", inDialog: true)
        return response
    }
}
