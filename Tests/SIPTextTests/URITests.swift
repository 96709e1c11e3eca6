import SIPText
import Testing
import Wire

@Suite struct URITests {
    typealias Row = (
        text: String, scheme: URI.Scheme, user: String, host: String, port: UInt16?, parameters: String, headers: String
    )

    @Test(
        arguments: [
            ("sip:a", .sip, "", "a", nil, "", ""),
            ("sip:a:5060", .sip, "", "a", 5060, "", ""),
            ("SIPS:alice@a.example.net", .sips, "alice", "a.example.net", nil, "", ""),
            ("sip:alice:secret@a:1", .sip, "alice", "a", 1, "", ""),
            (
                "sip:+1-212-555-1212:1234@gateway.com;user=phone", .sip, "+1-212-555-1212", "gateway.com", nil,
                ";user=phone", ""
            ),
            ("sip:a;b@c;d=e?f=g", .sip, "a;b", "c", nil, ";d=e", "?f=g"),
            ("sip:a?b=c@d", .sip, "a?b=c", "d", nil, "", ""),
            ("sip:a?b=c", .sip, "", "a", nil, "", "?b=c"),
            ("sip:%61%00@b", .sip, "%61%00", "b", nil, "", ""),
            ("sip:[2001:db8::10]", .sip, "", "2001:db8::10", nil, "", ""),
            // RFC 5118 sections 4.3 and 4.4: within the brackets it is no port.
            ("sip:[2001:db8::10:5070]", .sip, "", "2001:db8::10:5070", nil, "", ""),
            ("sip:u@[2001:db8::10]:5070;lr", .sip, "u", "2001:db8::10", 5070, ";lr", ""),
            ("sip:[::ffff:192.0.2.1]", .sip, "", "::ffff:192.0.2.1", nil, "", ""),
            ("sip:host_name.example", .sip, "", "host_name.example", nil, "", ""),
            ("tel:+4912345;phone-context=x", .other, "", "", nil, "", ""),
            ("urn:service:sos", .other, "", "", nil, "", ""),
            ("soap.beep://192.0.2.103:3002", .other, "", "", nil, "", ""),
        ] as [Row])
    func `a URI comes apart`(row: Row) throws {
        let reading = Reading(row.text)
        let uri = try #require(reading.uri)
        #expect(uri.scheme == row.scheme)
        #expect(reading.text(uri.user) == row.user)
        #expect(reading.text(uri.host) == row.host)
        #expect(uri.port == row.port)
        #expect(reading.text(uri.parameters.slice) == row.parameters)
        #expect(reading.text(uri.headers) == row.headers)
        #expect(reading.text(uri.text) == row.text)
    }

    @Test(arguments: [
        "", "sip", "sip:", ":a", "1sip:a", "tel:", "sip:@a", "sip:a@", "sip:a@b@c", "sip:a b", "sip:a\t", "sip:<a>",
        "sip:\"a\"",
        "sip:a:", "sip:a:65536", "sip:a:-1", "sip:a:1x", "sip:a:99999999999999999999", "sip:a/b", "sip:a,b", "sip: a",
        " sip:a",
        "sip:[::1", "sip:::1", "sip:[]", "sip:[1.2.3.4]", "sip:[2001:db8:::10]", "sip:[fe80::1%eth0]",
        "sip:[::1]x",
        "sip:é", "sip:a\u{7F}", "*",
    ])
    func `what is no URI is refused`(text: String) { #expect(Reading(text).uri == nil) }

    @Test func `the host is an address when it is one`() {
        for (text, address) in [("sip:192.0.2.1", "192.0.2.1"), ("sip:[2001:DB8::1]", "2001:db8::1")] {
            let reading = Reading(text)
            #expect(reading.uri?.address(in: reading.octets.span)?.description == address)
        }
        let name = Reading("sip:192.0.2.1.example.net")
        #expect(name.uri?.address(in: name.octets.span) == nil)
    }
}

@Suite struct NameAddressTests {
    @Test(arguments: [
        ("<sip:a@b>", "sip:a@b", ""),
        ("sip:a@b", "sip:a@b", ""),
        ("sip:a@b;tag=1", "sip:a@b", ";tag=1"),
        ("sip:a@b ; tag = 1", "sip:a@b", "; tag = 1"),
        ("<sip:a@b;c>;d", "sip:a@b;c", ";d"),
        ("<sip:a@b> ;d", "sip:a@b", ";d"),
        ("Alice <sip:a@b>", "sip:a@b", ""),
        ("Alice B. C<sip:a@b>", "sip:a@b", ""),
        ("José @ home <sip:a@b>", "sip:a@b", ""),
        ("\"A, <sip:x@y>;tag=9\" <sip:a@b>;tag=1", "sip:a@b", ";tag=1"),
        ("\"\\\"<sip:x>\\\\\" <sip:a@b>", "sip:a@b", ""),
        ("\"\"<sip:a@b>", "sip:a@b", ""),
        ("*", "*", ""),
    ])
    func `a value comes apart`(text: String, uri: String, parameters: String) throws {
        let reading = Reading(text)
        let address = try #require(reading.nameAddress)
        #expect(reading.text(address.uri) == uri)
        #expect(reading.text(address.parameters.slice) == parameters)
    }

    @Test(arguments: [
        "", " ", "<", "<>", "<sip:a", "sip:a>", "\"A <sip:a>", "\"A\\\" <sip:a>", "\"A\"", "\"A\" sip:a",
        "\"A\" \"B\" <sip:a>",
        "A \"B\" <sip:a>", "A, B <sip:a>", "sip:a <sip:b>", "<sip:a> b", "<sip:a>, <sip:b>",
        "sip:a, sip:b",
        "sip:a b", "sip:a?b=c", "sip:a,b", ";tag=1", "<sip:a><sip:b>",
    ])
    func `what can be read in two ways is refused`(text: String) { #expect(Reading(text).nameAddress == nil) }

    @Test func `an empty tag is none`() {
        for (text, tag) in [
            ("<sip:a>;tag=", nil), ("<sip:a>;tag", nil), ("<sip:a>;TAG=x", "x"), ("<sip:a;tag=u>", nil),
        ] {
            let reading = Reading(text)
            #expect(reading.text(reading.nameAddress?.tag(in: reading.octets.span)) == tag)
        }
    }
}

@Suite struct ParametersTests {
    @Test(arguments: [
        (";a=1", "1"), (";A=1", "1"), (";b;a", ""), ("; a = 1 ;b", "1"), (";b=\";a=2\";a=1", "1"), (";a=\"\"", ""),
        (";a=\"x\\\"y\"", "x\\\"y"), (";a=", ""), (";a=[::1]:5", "[::1]:5"), (";aa=2;a=1", "1"), (";a=1;a=2", "1"),
        (";a=1=2", "1=2"), (";b\r\n ;\r\n\ta=1", "1"),
    ])
    func `the value of a`(text: String, value: String) { #expect(Reading(text).parameter("a") == value) }

    @Test(arguments: [
        "", "a=1", ";b", ";aa=1", ";b=a", ";b=\"a=1", ";;a=1", ";b,a=1", ";b c;a=1", ";b=1 2;a=1", ";=;a=1",
        ";b=\"x\"y;a=1",
        ";b=<;a=1", ";b=\"\\",
    ])
    func `is absent, or behind what is no parameter`(text: String) { #expect(Reading(text).parameter("a") == nil) }
}
