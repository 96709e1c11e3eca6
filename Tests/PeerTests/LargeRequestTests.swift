import Lab
import Testing

/// Encrypted calls, whose INVITE has more than 1,300 octets, to a next hop that is known by UDP (RFC 3261 section 18.1.1).
@Suite(.serialized) struct LargeRequestTests {
    /// What the next hop does with TCP.
    enum Callee: String, CaseIterable {
        case takes = "listens on TCP, too"
        case refuses = "refuses TCP"
        case drops = "drops TCP"

        var transport: String { self == .takes ? "TCP" : "UDP" }
    }

    @Test(arguments: [false, true]) func `a large INVITE goes by TCP, and by UDP where there is none`(usesIPv6: Bool)
        throws
    {
        let bed = try PeerBed("big\(usesIPv6 ? 6 : 4)", Line(transport: "udp", usesIPv6: usesIPv6))
        // The third waits for seconds, whatever the family.
        for row in Callee.allCases where row != .drops || !usesIPv6 {
            let firewall = "table inet f { chain i { type filter hook input priority 0; tcp dport 5060 drop; }; }"
            if row == .drops { try bed.testbed.outside.command("nft", firewall) }
            var delays: [Int] = []
            // The second call profits from what the first has found out.
            for _ in 0..<2 {
                let callee = try bed.answer(
                    over: row == .takes ? nil : "udp", ["--write-certificate", "\(bed.directory)/bob.pem"])
                let caller = try bed.call(
                    "sip:bob@b.example.net", over: "udp",
                    ["--peer-certificate", "\(bed.directory)/bob.pem", "--disclose", bed.gateway.certificatePath])
                try #require(caller.wait(seconds: 20) == 0, "\(row) \(bed.story(caller, callee))")
                try #require(callee.wait(seconds: 10) == 0, "\(row) \(bed.story(callee))")
                let invite = callee.text.split(separator: "\n").drop { !$0.hasPrefix("INVITE ") }
                let via = invite.first { $0.hasPrefix("Via: ") } ?? ""
                try #require(via.hasPrefix("Via: SIP/2.0/\(row.transport) "), "\(row): \(via) \(bed.story(callee))")
                delays.append(try bed.setup())
            }
            // What was learned of the host must not help the next row.
            try bed.gateway.restartProxy()
            try #require(try bed.eventually { try bed.elements() == 0 })
            print(
                "proved: INVITE of more than 1,300 octets, IPv\(usesIPv6 ? 6 : 4), the next hop \(row.rawValue):",
                "\(row.transport), answered after \(delays[0]) ms, at the second call after \(delays[1]) ms;",
                "0 elements after")
        }
    }
}
