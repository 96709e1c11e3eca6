/// The messages of sipp's two phones: alice inside calls bob outside.
///
/// What sipp fills in stands in brackets. Tags and branches are fixed texts: a run of a scenario makes one call, and its
/// Call-ID and process id tell it from others.
public enum SIPpMessages {
    /// A session description with one audio stream.
    public enum Media: Sendable {
        /// An offer or answer with a direction: `sendrecv`, `sendonly`, `recvonly`, `inactive`.
        case audio(String)
        /// The older form of hold (RFC 3264 section 8.4): this connection address, `0.0.0.0` or `::`.
        case held(String)
    }

    /// Which received request a response answers.
    public enum Answered: Sendable {
        /// The last one.
        case last
        /// The INVITE whose Via and Record-Route values were kept, when others have come since.
        case keptInvite
    }

    /// A request of the caller.
    ///
    /// - Parameters:
    ///   - sequence: the CSeq number.
    ///   - branchOf: the method whose branch it carries: CANCEL, and an ACK that is not for a 200, have the INVITE's.
    ///   - inDialog: whether it goes by the route set, with the callee's tag.
    ///   - version: of the session description's origin; it grows with each change (RFC 3264 section 8).
    ///   - more: further header lines, each without its line end.
    public static func fromCaller(
        _ method: String, sequence: Int, branchOf: String? = nil, inDialog: Bool = false, media: Media? = nil,
        version: Int = 1, more: [String] = []
    ) -> String {
        let branch = (branchOf ?? method) == "INVITE" ? "\(sequence)-INVITE" : "\(sequence)-\(method)"
        return request(
            method, target: inDialog ? "[next_url]" : callee, branch: branch, from: "<\(caller)>;tag=a",
            to: inDialog || method == "ACK" ? "<\(callee)>;tag=b" : "<\(callee)>", sequence: sequence, routed: inDialog,
            user: "alice",
            more: more) + body(media, user: "alice", version: version)
    }

    /// A request of the callee within the dialog.
    public static func fromCallee(_ method: String, sequence: Int) -> String {
        request(
            method, target: "[next_url]", branch: "b-\(sequence)-\(method)", from: "<\(callee)>;tag=b",
            to: "<\(caller)>;tag=a", sequence: sequence, routed: true, user: "bob", more: [])
            + body(nil, user: "bob", version: 1)
    }

    /// A response of the callee.
    public static func response(
        _ status: Int, _ reason: String, to answered: Answered = .last, media: Media? = nil, version: Int = 1,
        contact: String = "<sip:bob@[local_ip]:[local_port];transport=[transport]>", more: [String] = []
    ) -> String {
        var lines = ["SIP/2.0 \(status) \(reason)"]
        switch answered {
        case .last:
            lines += ["[last_Via:]", "[last_Record-Route:]", "[last_CSeq:]"]
        case .keptInvite:
            for index in 1...SIPpScenario.keptValues { lines.append("Via:[$via\(index)]") }
            for index in 1...SIPpScenario.keptValues { lines.append("Record-Route:[$route\(index)]") }
            lines.append("CSeq: 1 INVITE")
        }
        lines += ["From: <\(caller)>;tag=a", "To: <\(callee)>;tag=b", "[last_Call-ID:]", "Contact: \(contact)"] + more
        return lines.joined(separator: "\n") + "\n" + body(media, user: "bob", version: version)
    }

    /// A response of the caller to a request of the callee.
    public static var okFromCaller: String {
        "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
            + body(nil, user: "alice", version: 1)
    }

    /// A REGISTER of a user; with a password it answers the challenge that came before.
    ///
    /// - Parameters:
    ///   - sequence: the CSeq number; it grows.
    ///   - contact: the Contact value; nil is the own address for ten minutes.
    ///   - expires: the Expires value; nil for none.
    public static func register(
        _ user: String, at domain: String, sequence: Int, password: String? = nil, contact: String? = nil,
        expires: Int? = nil
    ) -> String {
        var lines = [
            "REGISTER sip:\(domain) SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-\(sequence)-REGISTER",
            "Max-Forwards: 70", "From: <sip:\(user)@\(domain)>;tag=r", "To: <sip:\(user)@\(domain)>",
            "Call-ID: [call_id]", "CSeq: \(sequence) REGISTER",
            "Contact: "
                + (contact ?? "<sip:\(user)@[local_ip]:[local_port];transport=[transport]>;expires=600"),
        ]
        if let expires { lines.append("Expires: \(expires)") }
        if let password { lines.append("[authentication username=\(user) password=\(password)]") }
        return lines.joined(separator: "\n") + "\nContent-Length: 0\n\n"
    }

    private static let caller = "sip:alice@a.example.net"
    private static let callee = "sip:bob@b.example.net"

    private static func request(
        _ method: String, target: String, branch: String, from: String, to: String, sequence: Int, routed: Bool,
        user: String, more: [String]
    ) -> String {
        var lines = [
            "\(method) \(target) SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-\(branch)",
        ]
        if routed { lines.append("[routes]") }
        lines += [
            "Max-Forwards: 70", "From: \(from)", "To: \(to)", "Call-ID: [call_id]", "CSeq: \(sequence) \(method)",
            "Contact: <sip:\(user)@[local_ip]:[local_port];transport=[transport]>",
            "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE",
        ]
        return (lines + more).joined(separator: "\n") + "\n"
    }

    private static func body(_ media: Media?, user: String, version: Int) -> String {
        let (address, direction): (String, String)
        switch media {
        case nil: return "Content-Length: 0\n\n"
        case .audio(let wanted): (address, direction) = ("[media_ip]", wanted)
        case .held(let unspecified): (address, direction) = (unspecified, "inactive")
        }
        return """
            Content-Type: application/sdp
            Content-Length: [len]

            v=0
            o=\(user) 2890844526 \(version) IN IP[media_ip_type] [media_ip]
            s=-
            c=IN IP[media_ip_type] \(address)
            t=0 0
            m=audio [media_port] RTP/AVP 8
            a=rtpmap:8 PCMA/8000
            a=\(direction)

            """
    }
}
