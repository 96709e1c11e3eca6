import Testing
import Wire

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("::ffff:192.0.2.1", "::ffff:c000:201"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:0:0:0:0:0:0:0", "1::"), ("fe80::1:2", "fe80::1:2"),
    ])
    func `text form is read and written as RFC 5952 wants it`(text: String, canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", ":", ":::", "1:::2", "1::2::3",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::1.2.3", "1:2:3:4:5:6:7:1.2.3.4", "1:", ":1", "g::",
        "1::%eth0",
        "2001:db8:::192.0.2.1", "1:2:3:4:5:6:7::8:9",
    ])
    func `what is no address is refused`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `octets survive the round trip`() {
        for text in ["10.1.2.3", "2001:db8::42"] {
            var octets: [UInt8] = []
            IPAddress(text)?.appendOctets(to: &octets)
            #expect(IPAddress(octets: octets.span)?.description == text)
        }
        let three: [UInt8] = [1, 2, 3]
        #expect(IPAddress(octets: three.span) == nil)
    }

    @Test(arguments: [
        ("10.0.0.1", AddressScope.unicast), ("0.0.0.0", .unspecified), ("127.8.8.8", .loopback),
        ("169.254.1.1", .linkLocal), ("224.0.0.1", .multicast), ("239.255.255.255", .multicast),
        ("240.0.0.1", .reserved), ("255.255.255.255", .reserved), ("::", .unspecified), ("::1", .loopback),
        ("fe80::1", .linkLocal), ("febf::1", .linkLocal), ("fec0::1", .unicast), ("ff02::1", .multicast),
        ("::ffff:10.0.0.1", .embedded), ("::10.0.0.1", .embedded), ("64:ff9b::a00:1", .embedded),
        ("2002:a00:1::", .embedded), ("fd00::1", .unicast),
    ])
    func `scope tells what media may go to`(text: String, scope: AddressScope) {
        #expect(IPAddress(text)?.scope == scope)
    }

    @Test func `a mapped address unmaps`() {
        #expect(IPAddress("::ffff:192.0.2.1")?.unmapped == IPAddress("192.0.2.1"))
        #expect(IPAddress("2001:db8::1")?.unmapped == IPAddress("2001:db8::1"))
    }
}

@Suite struct EndpointTests {
    @Test(arguments: ["192.0.2.1:5060", "[2001:db8::1]:5061"])
    func `text survives the round trip`(text: String) { #expect(Endpoint(text)?.description == text) }

    @Test(arguments: ["192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "2001:db8::1:5060", "[2001:db8::1:5060", "host:1"])
    func `what is no endpoint is refused`(text: String) { #expect(Endpoint(text) == nil) }
}

@Suite struct PrefixTests {
    @Test func `contains by bits`() throws {
        let prefix = try #require(Prefix("10.1.0.0/23"))
        #expect(IPAddress("10.1.1.255").map(prefix.contains) == true)
        #expect(IPAddress("10.1.2.0").map(prefix.contains) == false)
        #expect(IPAddress("::10.1.1.1").map(prefix.contains) == false)
        let six = try #require(Prefix("2001:db8:0:0:8000::/65"))
        #expect(IPAddress("2001:db8::8000:0:0:1").map(six.contains) == true)
        #expect(IPAddress("2001:db8::1").map(six.contains) == false)
        #expect(Prefix("0.0.0.0/0")?.contains(.v4(.max)) == true)
        #expect(Prefix("10.1.0.1/24") == nil)
        #expect(Prefix("10.1.0.0/33") == nil)
        #expect(Prefix("10.1.0.1")?.length == 32)
    }
}
