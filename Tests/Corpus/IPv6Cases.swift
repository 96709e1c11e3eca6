import Wire

extension Fixture {
    /// RFC 5118 section 4: IPv6 in Request-URI, Via, Contact and SDP. 12 cases.
    public static let rfc5118: [Fixture] = [
        // 4.1
        Fixture("ipv6-good", register("sip:[2001:db8::10]")),
        // 4.2: no brackets, so `2001` is the host and what follows its colon is no port.
        Fixture(
            "ipv6-bad", outcome: .malformed(.badNumber, answerable: true), register("sip:2001:db8::10")),
        // 4.3: the last group is part of the address, whatever its writer meant.
        Fixture("port-ambiguous", register("sip:[2001:db8::10:5070]")),
        // 4.4
        Fixture("port-unambiguous", register("sip:[2001:db8::10]:5070")),
        // 4.5: `received` is an address without brackets by the grammar; with them is read, too.
        Fixture(
            "via-received-param-with-delim",
            """
            BYE sip:[2001:db8::10] SIP/2.0
            To: sip:user@example.com;tag=t5-with
            From: sip:user@example.com;tag=f5-with
            Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKwithdelim
            Call-ID: via-received-param-with-delim.7f0a
            Max-Forwards: 70
            CSeq: 321 BYE
            Content-Length: 0
            """),
        Fixture(
            "via-received-param-no-delim",
            """
            OPTIONS sip:[2001:db8::10] SIP/2.0
            To: sip:user@example.com
            From: sip:user@example.com;tag=f5-no
            Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKnodelim
            Call-ID: via-received-param-no-delim.7f0b
            Max-Forwards: 70
            Contact: "Caller" <sip:caller@[2001:db8::9:1]>
            CSeq: 921 OPTIONS
            Content-Length: 0
            """),
        // 4.6
        invite("ipv6-in-sdp", from: "[2001:db8::20]", body: ipv6Description("2001:db8::20")),
        // 4.7: both families and both transports in one list of Via, and a `received` of the other family.
        Fixture(
            "mult-ip-in-header",
            """
            BYE sip:user@host.example.net SIP/2.0
            Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKmult-3
            Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKmult-2
            Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bKmult-1;received=192.0.2.200
            Call-ID: mult-ip-in-header.7f0c
            Max-Forwards: 70
            CSeq: 89187 BYE
            To: sip:user@example.net;tag=t7
            From: sip:user@example.com;tag=f7
            Content-Length: 0
            """),
        // 4.8: one stream of each family; the connection lines stand in the media sections.
        invite(
            "mult-ip-in-sdp", from: "[2001:db8::9:1]",
            body: Array(
                """
                v=0\r
                o=bob 280744730 28977631 IN IP4 host.example.com\r
                s=-\r
                t=0 0\r
                m=audio 22334 RTP/AVP 0\r
                c=IN IP4 192.0.2.1\r
                m=video 6024 RTP/AVP 107\r
                c=IN IP6 2001:db8::1\r
                a=rtpmap:107 H263-1998/90000\r

                """.utf8)),
        // 4.9
        invite("ipv4-mapped-ipv6", from: "[::ffff:192.0.2.2]", body: ipv6Description("::ffff:192.0.2.2")),
        // 4.10: what the grammar of RFC 3261 allows by mistake (RFC 5954 mends it) must still be read.
        Fixture("ipv6-bug-abnf-3-colons", options("sip:user@[2001:db8:::192.0.2.1]")),
        Fixture("ipv6-correct-abnf-2-colons", options("sip:user@[2001:db8::192.0.2.1]")),
    ]

    private static func register(_ uri: String) -> String {
        """
        REGISTER \(uri) SIP/2.0
        To: sip:user@example.com
        From: sip:user@example.com;tag=f4
        Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKregister
        Call-ID: register.7f0d
        Max-Forwards: 70
        Contact: "Caller" <sip:caller@[2001:db8::1]>
        CSeq: 98176 REGISTER
        Content-Length: 0
        """
    }

    private static func options(_ uri: String) -> String {
        """
        OPTIONS \(uri) SIP/2.0
        To: \(uri)
        From: sip:user@example.com;tag=f10
        Via: SIP/2.0/UDP lab1.east.example.com;branch=z9hG4bKcolons
        Call-ID: colons.7f0e
        CSeq: 689 OPTIONS
        Max-Forwards: 70
        Content-Length: 0
        """
    }

    private static func invite(_ name: String, from host: String, body: [UInt8]) -> Fixture {
        Fixture(
            name,
            """
            INVITE sip:user@[2001:db8::10] SIP/2.0
            To: sip:user@[2001:db8::10]
            From: sip:user@example.com;tag=f6
            Via: SIP/2.0/UDP \(host);branch=z9hG4bKinvite
            Call-ID: \(name).7f0f
            Contact: "Caller" <sip:caller@\(host)>
            CSeq: 8612 INVITE
            Max-Forwards: 70
            Content-Type: application/sdp
            Content-Length: \(body.count)
            """, body: body)
    }

    private static func ipv6Description(_ address: String) -> [UInt8] {
        Array(
            """
            v=0\r
            o=assistant 971731711378798081 0 IN IP6 \(address)\r
            s=Two streams\r
            c=IN IP6 \(address)\r
            t=3338481189 3370017201\r
            m=audio 6000 RTP/AVP 2\r
            a=rtpmap:2 G726-32/8000\r
            m=video 6024 RTP/AVP 107\r
            a=rtpmap:107 H263-1998/90000\r

            """.utf8)
    }
}
