import Corpus
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// What becomes of every message of RFC 4475 and RFC 5118 that a stranger outside sends to the gateway.
@Suite struct TortureTests {
    /// The last thing that the gateway does about a message.
    enum Action: Equatable, CustomStringConvertible {
        /// It goes on to the next hop.
        case forwarded
        /// It is answered so, with this reason phrase.
        case answered(UInt16, String)
        /// Nothing is sent to anybody.
        case silence

        var description: String {
            switch self {
            case .forwarded: "forwarded"
            case .answered(let status, let reason): "\(status) \(reason)"
            case .silence: "silence"
            }
        }

        static func bad(_ why: String) -> Action { .answered(400, "Bad Request - \(why)") }
        static let noRoute = Action.answered(404, "Not Found")
        static let unroutable = Action.answered(
            416, "Unsupported URI Scheme - Request-URI: only sip URIs are routed here")
        static let noDialog = Action.answered(481, "Call/Transaction Does Not Exist")
    }

    /// There are routes to example.com, .net and .org and to 2001:db8::10, and to no other domain or address.
    private static let expected: [(name: String, action: Action)] = [
        // RFC 4475 section 3.1.1. An INVITE with a To tag belongs to a dialog, and the gateway knows none of it.
        ("wsinv", .noDialog), ("intmeth", .forwarded), ("esc01", .forwarded), ("escnull", .forwarded),
        ("esc02", .noRoute), ("lwsdisp", .forwarded), ("longreq", .forwarded), ("dblreq", .forwarded),
        ("semiuri", .forwarded), ("transports", .forwarded),
        // Its Route names an address, which nobody but a dialog may do.
        ("mpart01", .noRoute),
        // Responses to what was never asked.
        ("unreason", .silence), ("noreason", .silence),
        // Section 3.1.2.
        ("badinv01", .bad("Via parameters: unexpected octet at octet 218")),
        ("clerr", .bad("body: ends too early at octet 442")),
        ("ncl", .bad("Content-Length: bad number at octet 326")),
        ("scalar02", .bad("CSeq: bad number at octet 174")), ("scalarlg", .silence),
        ("quotbal", .bad("To: unexpected octet at octet 41")),
        ("ltgtruri", .bad("URI scheme: unexpected octet at octet 7")),
        ("lwsruri", .bad("SIP-Version: unexpected octet at octet 29")),
        ("lwsstart", .bad("Request-URI: missing at octet 7")),
        ("trws", .bad("Request-Line: unexpected octet at octet 45")),
        ("escruri", .bad("Request-URI: unexpected octet at octet 27")),
        // A proxy reads neither Date nor the Contact of a REGISTER that is for others.
        ("baddate", .forwarded), ("regbadct", .forwarded),
        ("badaspec", .bad("URI scheme: unexpected octet at octet 206")),
        ("baddn", .bad("From: unexpected octet at octet 123")),
        ("badvers", .answered(505, "Version Not Supported - SIP-Version: not supported at octet 33")),
        ("mismatch01", .bad("CSeq method: contradicts itself at octet 165")),
        ("mismatch02", .bad("CSeq method: contradicts itself at octet 167")), ("bigcode", .silence),
        // Sections 3.2 and 3.3.
        ("badbranch", .forwarded), ("insuf", .bad("From: missing at octet 151")),
        ("unkscm", .unroutable), ("novelsc", .unroutable),
        ("unksm2", .forwarded),
        ("bext01", .answered(420, "Bad Extension - Proxy-Require: an extension that is not known here")),
        ("invut", .forwarded),
        ("regaut01", .forwarded), ("multi01", .bad("CSeq: given twice at octet 203")),
        ("mcl01", .bad("Content-Length: given twice at octet 284")), ("bcast", .silence),
        ("zeromf", .answered(483, "Too Many Hops - Max-Forwards is 0")),
        ("cparam01", .forwarded), ("cparam02", .forwarded),
        ("regescrt", .forwarded), ("sdp01", .forwarded),
        // Section 3.4. A call is known by the caller's tag, so that what has none cannot begin one.
        ("inv2543", .forwarded),
        // RFC 5118.
        ("ipv6-good", .forwarded), ("ipv6-bad", .bad("URI host: bad number at octet 18")), ("port-ambiguous", .noRoute),
        ("port-unambiguous", .forwarded), ("via-received-param-with-delim", .forwarded),
        ("via-received-param-no-delim", .forwarded), ("ipv6-in-sdp", .forwarded), ("mult-ip-in-header", .noDialog),
        ("mult-ip-in-sdp", .forwarded),
        (
            "ipv4-mapped-ipv6",
            .answered(
                403,
                "Forbidden - [::ffff:c000:202]:6000: media may not go to this address (special-purpose, or forbidden by "
                    + "the configuration)")
        ),
        ("ipv6-bug-abnf-3-colons", .noRoute),
        ("ipv6-correct-abnf-2-colons", .noRoute),
    ]

    /// Where a stream comes to something else.
    private static let overTCP: [String: Action] = [
        // More octets are announced than are there: it waits for them.
        "clerr": .silence, "inv2543": .bad("Content-Length: missing at octet 340"),
    ]

    @Test func `the table has every case once and in order`() {
        #expect(Self.expected.map(\.name) == Fixture.all.map(\.name))
    }

    @Test(arguments: Fixture.all) func `a datagram comes to what the table says`(fixture: Fixture) throws {
        let expected = try #require(Self.expected.first { $0.name == fixture.name }).action
        #expect(play([fixture.octets], .udp) == expected)
    }

    @Test(arguments: Fixture.all) func `a stream comes to what the table says`(fixture: Fixture) throws {
        let expected = try #require(Self.expected.first { $0.name == fixture.name }).action
        var framer = StreamFramer()
        var messages: [[UInt8]] = []
        framer.append(fixture.octets)
        do throws(ParseError) {
            while case .message(let message) = try framer.next() { messages.append(message) }
        } catch { messages.append(framer.faultyHead) }
        #expect(play(messages, .tcp) == Self.overTCP[fixture.name] ?? expected)
    }

    /// Sends the messages and gives what the first of them comes to.
    private func play(_ messages: [[UInt8]], _ transport: TransportKind) -> Action {
        let script = Script(Setting(caller: .outside, callee: .inside, transport: transport)) { settings in
            let next = settings.routes[0].destination
            for domain in ["example.com", "example.net", "example.org", "2001:db8::10"] {
                settings.routes.append(StaticRoute(domain: Array(domain.utf8), destination: next))
            }
        }
        let phone = script.phone(.outside, 77)
        guard let message = messages.first else { return .silence }
        script.transmit(message, from: phone, to: phone.gateway)
        #expect(script.open.isEmpty, "an offer from outside opens nothing by itself")
        if script.sent.contains(where: { $0.message.isRequest }) { return .forwarded }
        guard let last = script.sent.last(where: { $0.message.status != 100 })?.message,
            case .response(let status, let reason) = last.startLine
        else { return .silence }
        return .answered(status, last.text(reason))
    }
}
