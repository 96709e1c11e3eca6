import Lab
import Testing

/// A phone inside calls a domain that the gateway has no route for: name servers say where it is (RFC 3263).
@Suite(.serialized) struct NameTests {
    @Test(arguments: [false, true]) func `the second server takes the call that the first refuses`(usesIPv6: Bool)
        throws
    {
        let bed = try PeerBed(
            "dns", Line(transport: "tcp", usesIPv6: usesIPv6),
            records: [
                "naptr-record=far.example,10,10,s,SIP+D2T,,_sip._tcp.far.example",
                "naptr-record=far.example,20,10,s,SIP+D2U,,_sip._udp.far.example",
                "srv-host=_sip._tcp.far.example,one.far.example,5070,1,0",
                "srv-host=_sip._tcp.far.example,two.far.example,5060,2,0",
                "host-record=one.far.example,\(usesIPv6 ? "fd00:2::3" : "10.2.0.3")",
                "host-record=two.far.example,\(usesIPv6 ? "fd00:2::2" : "10.2.0.2")",
            ])
        let callee = try bed.answer(over: "tcp")
        let caller = try bed.call("sip:bob@far.example", over: "tcp", ["--plain"])
        try #require(caller.wait(seconds: 15) == 0, "\(bed.story(caller, callee))")
        let asked = bed.queries.filter { $0.contains("far.example") }
        for kind in ["NAPTR", "SRV"] {
            try #require(asked.contains { $0.contains("query[\(kind)]") }, "\(asked)")
        }
        try #require(try bed.eventually { try bed.elements() == 0 })
        print(
            "proved: far.example found by NAPTR, SRV and \(usesIPv6 ? "AAAA" : "A"), \(bed.line.testDescription):",
            "one.far.example refuses, two.far.example has the call after \(try bed.setup()) ms; 0 elements after")
    }
}
