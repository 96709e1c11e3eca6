/// What one side of a call does, step by step, as a scenario file of sipp.
public struct SIPpScenario: Sendable {
    /// One thing that is sent, awaited or done.
    public enum Step: Sendable {
        /// A message; over UDP a retransmitted one goes out again until the next step's message has come.
        case send(String, retransmitted: Bool)
        /// A request. An INVITE's Via and Record-Route values are kept for responses that come later than others.
        case awaitRequest(String, keepsRoute: Bool)
        /// A response to a request of this method; an optional one may stay away.
        case awaitResponse(Int, optional: Bool, keepsRoute: Bool)
        /// A response that must have a text in a header field: `("Contact:", "carol")`.
        case awaitResponseWith(Int, header: String, text: String)
        /// A 401 or 407, whose challenge the next `[authentication …]` answers.
        case awaitChallenge(Int)
        /// Nothing, for so many milliseconds.
        case pause(Int)
        /// The packets of a capture go out as RTP, from the media port to where the last SDP wants them.
        case play(String)
    }

    /// How many Via and how many Record-Route values of an INVITE are kept: the caller's and the gateway's Via, and the
    /// gateway's two Record-Route values, one for each side.
    static let keptValues = 2

    /// What is done, in order.
    public let steps: [Step]
    private let name: String

    /// A scenario of these steps.
    public init(_ name: String, _ steps: [Step]) {
        self.name = name
        self.steps = steps
    }

    /// The file as sipp reads it.
    public var xml: String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"\(name)\">\n"
        for step in steps { text += Self.element(step) }
        return text + "</scenario>\n"
    }

    private static func element(_ step: Step) -> String {
        switch step {
        case .send(let message, let retransmitted):
            return "<send\(retransmitted ? " retrans=\"500\"" : "")><![CDATA[\n\(message)]]></send>\n"
        case .awaitRequest("INVITE", let keepsRoute):
            return "<recv request=\"INVITE\"\(rrs(keepsRoute))><action>\n\(keep("Via", "via"))"
                + "\(keep("Record-Route", "route"))</action></recv>\n<Reference variables=\"\(keptVariables)\"/>\n"
        case .awaitRequest(let method, let keepsRoute):
            return "<recv request=\"\(method)\"\(rrs(keepsRoute))/>\n"
        case .awaitResponse(let status, let optional, let keepsRoute):
            return "<recv response=\"\(status)\"\(optional ? " optional=\"true\"" : "")\(rrs(keepsRoute))/>\n"
        case .awaitResponseWith(let status, let header, let text):
            return "<recv response=\"\(status)\"><action><ereg regexp=\"\(text)\" search_in=\"hdr\" "
                + "header=\"\(header)\" check_it=\"true\" assign_to=\"found\"/></action></recv>\n"
                + "<Reference variables=\"found\"/>\n"
        case .awaitChallenge(let status):
            return "<recv response=\"\(status)\" auth=\"true\"/>\n"
        case .pause(let milliseconds):
            return "<pause milliseconds=\"\(milliseconds)\"/>\n"
        case .play(let path):
            return "<nop><action><exec play_pcap_audio=\"\(path)\"/></action></nop>\n"
        }
    }

    private static func rrs(_ keepsRoute: Bool) -> String { keepsRoute ? " rrs=\"true\"" : "" }

    private static func keep(_ header: String, _ variable: String) -> String {
        (1...keptValues).map {
            "<ereg regexp=\".*\" search_in=\"hdr\" header=\"\(header):\" occurrence=\"\($0)\" "
                + "assign_to=\"\(variable)\($0)\"/>\n"
        }.joined()
    }

    private static var keptVariables: String {
        (1...keptValues).map { "via\($0),route\($0)" }.joined(separator: ",")
    }
}
