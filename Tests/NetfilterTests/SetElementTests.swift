import Netfilter
import Testing
import Wire

@Suite struct SetElementTests {
    @Test func `a key has two zero octets after each port`() {
        let a = endpoint("10.1.0.2:4000")
        let b = endpoint("192.0.2.7:5004")
        #expect(ElementKey.any(to: a).map == .any4)
        #expect(ElementKey.any(to: a).octets == [10, 1, 0, 2, 0x0F, 0xA0, 0, 0])
        #expect(ElementKey.outgoing(from: a, to: b).map == .out4)
        #expect(
            ElementKey.outgoing(from: a, to: b).octets == [
                10, 1, 0, 2, 0x0F, 0xA0, 0, 0, 192, 0, 2, 7, 0x13, 0x8C, 0, 0,
            ])
        #expect(ElementKey.incoming(from: b, to: a).map == .in4)
        #expect(
            ElementKey.incoming(from: b, to: a).octets == [
                192, 0, 2, 7, 0x13, 0x8C, 0, 0, 10, 1, 0, 2, 0x0F, 0xA0, 0, 0,
            ])
    }

    @Test func `an IPv6 key has sixteen octets of address`() {
        let a = endpoint("[2001:db8::2]:1")
        let b = endpoint("[2001:db8:1::3]:65535")
        let addressA: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]
        let addressB: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]
        #expect(ElementKey.any(to: a).map == .any6)
        #expect(ElementKey.any(to: a).octets == addressA + [0, 1, 0, 0])
        #expect(ElementKey.outgoing(from: a, to: b).map == .out6)
        #expect(ElementKey.outgoing(from: a, to: b).octets == addressA + [0, 1, 0, 0] + addressB + [0xFF, 0xFF, 0, 0])
        #expect(ElementKey.incoming(from: b, to: a).map == .in6)
        #expect(ElementKey.incoming(from: b, to: a).octets == addressB + [0xFF, 0xFF, 0, 0] + addressA + [0, 1, 0, 0])
    }
}
