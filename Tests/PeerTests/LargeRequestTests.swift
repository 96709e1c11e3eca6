import Lab
import Testing

/// A request that is larger than 1,300 octets, for a next hop that is known by UDP (RFC 3261 section 18.1.1).
@Suite(.serialized) struct LargeRequestTests {
    @Test(arguments: [false, true]) func `a large INVITE goes by TCP where it can`(usesIPv6: Bool) throws {
        let bed = try PeerBed("big\(usesIPv6 ? 6 : 4)", Line(transport: "udp", usesIPv6: usesIPv6))
        var told: [String] = []
        for (name, transport) in [("both", nil), ("udp", "udp")] as [(String, String?)] {
            let callee = try bed.answer(over: transport, ["--write-certificate", "\(bed.directory)/bob.pem"])
            let caller = try bed.call(
                "sip:bob@b.example.net", over: "udp",
                ["--peer-certificate", "\(bed.directory)/bob.pem", "--disclose", bed.gateway.certificatePath])
            try #require(caller.wait(seconds: 15) == 0, "\(name) \(bed.story(caller, callee))")
            _ = callee.wait(seconds: 5)
            told.append("\(name): \(try bed.setup()) ms")
            print(callee.text)
        }
        print("proved: large, \(told)")
    }
}
