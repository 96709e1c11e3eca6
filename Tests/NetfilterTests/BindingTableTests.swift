import GateProtocol
import Netfilter
import Testing
import Wire

/// Which external ports inside endpoints get (RFC 4787).
@Suite struct BindingTableTests {
    private let external = [IPAddress.v4(0xC633_6401), .v4(0xC633_6402)]
    private let start = MonotonicTime(nanoseconds: 0)

    private func table(
        _ addresses: Int = 1, ports: ClosedRange<UInt16> = 20_000...20_007, pairsPerHost: Int = .max
    ) -> BindingTable {
        BindingTable(
            TranslationSettings(
                addresses: Array(external.prefix(addresses)), ports: ports, quarantine: .seconds(60),
                pairsPerHost: pairsPerHost))
    }

    private func endpoint(_ host: UInt32, _ port: UInt16) -> Endpoint { Endpoint(.v4(0x0A01_0000 | host), port) }

    /// Binds and uses.
    private func open(
        _ table: inout BindingTable, _ inside: Endpoint, at seconds: Int64 = 0, wanted: Endpoint? = nil
    ) -> Endpoint? {
        var random = SystemRandomNumberGenerator()
        let time = MonotonicTime(nanoseconds: seconds * 1_000_000_000)
        let external = table.bind(inside, wanted: wanted, at: time, using: &random)
        if external != nil { table.use(inside) }
        return external
    }

    @Test func `RTP gets an even port and RTCP the next one, whatever the phone's are`() throws {
        for port in [UInt16(4000), 4001] {
            var table = table()
            let rtp = try #require(open(&table, endpoint(2, port)))
            let rtcp = try #require(open(&table, endpoint(2, port + 1)))
            #expect(rtp.port.isMultiple(of: 2) && rtcp == Endpoint(rtp.address, rtp.port + 1))
        }
    }

    @Test func `an endpoint has one binding, whoever refers to it, until the last does no more`() throws {
        var table = table()
        let inside = endpoint(2, 4000)
        let first = try #require(open(&table, inside))
        #expect(open(&table, inside) == first)
        table.drop(inside, at: start)
        #expect(table.external(of: inside) == first)
        table.drop(inside, at: start)
        #expect(table.external(of: inside) == nil && table.count == 0)
    }

    @Test func `a port rests for its time and is given to nobody meanwhile`() throws {
        var table = table(ports: 20_000...20_001)
        let old = try #require(open(&table, endpoint(2, 4000)))
        #expect(open(&table, endpoint(3, 4000)) == nil)
        table.drop(endpoint(2, 4000), at: start)
        #expect(open(&table, endpoint(3, 4000), at: 59) == nil)
        #expect(open(&table, endpoint(3, 4000), at: 60) == old)
    }

    @Test func `one host has its share of the pairs, resting ones too, and leaves the others theirs`() throws {
        var table = table(ports: 20_000...20_099, pairsPerHost: 3)
        let firsts = (0..<3).map { endpoint(2, 4_000 + 2 * $0) }
        for first in firsts { #expect(open(&table, first) != nil) }
        // RTCP beside RTP is no pair of its own; a fourth is.
        #expect(open(&table, endpoint(2, 4_001)) != nil)
        #expect(open(&table, endpoint(2, 4_100)) == nil)
        #expect(open(&table, endpoint(3, 4_100)) != nil)
        let told = table.external(of: firsts[2])
        table.drop(firsts[2], at: start)
        #expect(open(&table, endpoint(2, 4_100), at: 59) == nil)
        // What it had it may have again.
        #expect(open(&table, firsts[2], at: 59, wanted: told) == told)
        table.drop(firsts[2], at: start)
        #expect(open(&table, endpoint(2, 4_100), at: 60) != nil)
        // What nobody was told of does not count.
        var random = SystemRandomNumberGenerator()
        table.drop(firsts[1], at: start)
        _ = open(&table, endpoint(9, 9_000), at: 120)
        for _ in 0..<10 {
            #expect(table.bind(endpoint(2, 4_200), at: start + .seconds(120), using: &random) != nil)
            table.forget(endpoint(2, 4_200))
        }
        #expect(TranslationSettings(addresses: external, ports: 20_000...20_099).pairsPerHost == 25)
        #expect(TranslationSettings(addresses: external, ports: 20_000...20_001).pairsPerHost == 1)
    }

    @Test func `a binding that was for nothing is free at once`() throws {
        var table = table(ports: 20_000...20_001)
        var random = SystemRandomNumberGenerator()
        #expect(table.bind(endpoint(2, 4000), at: start, using: &random) != nil)
        table.forget(endpoint(2, 4000))
        #expect(open(&table, endpoint(3, 4000)) != nil)
        // One that is in use is not forgotten.
        table.forget(endpoint(3, 4000))
        #expect(table.external(of: endpoint(3, 4000)) != nil)
    }

    @Test func `so many pairs as there are, and not one more`() {
        var table = table(2)
        let given = (0..<8 as Range<UInt32>).compactMap { open(&table, endpoint($0 + 2, 4000)) }
        #expect(Set(given).count == 8)
        #expect(open(&table, endpoint(99, 4000)) == nil)
        // RTCP of those that have RTP has its place still.
        #expect(open(&table, endpoint(2, 4001)) != nil)
    }

    @Test func `a host keeps to one address while that has room`() throws {
        var table = table(2)
        let first = try #require(open(&table, endpoint(2, 4000)))
        for port in [UInt16(4002), 4004, 4006] { #expect(open(&table, endpoint(2, port))?.address == first.address) }
        let next = try #require(open(&table, endpoint(2, 4008)))
        #expect(next.address != first.address)
    }

    @Test func `a port is had again by who had it, and by nobody while somebody else has it`() throws {
        var table = table(ports: 20_000...20_015)
        let inside = endpoint(2, 4000)
        let old = try #require(open(&table, inside))
        table.drop(inside, at: start)
        #expect(open(&table, inside, wanted: old) == old)
        let other = try #require(open(&table, endpoint(3, 4000), wanted: old))
        #expect(other != old)
        // Nor by another host while it rests.
        table.drop(inside, at: start)
        let third = try #require(open(&table, endpoint(5, 4000), wanted: old))
        #expect(third != old)
        // What is none of the gate's is not given either.
        for wanted in [Endpoint(external[1], 20_000), Endpoint(external[0], 30_000)] {
            let given = try #require(open(&table, endpoint(4, wanted.port), wanted: wanted))
            #expect(given != wanted)
        }
    }

    @Test func `T6: ports are uniform over the range, and none comes again within its rest`() {
        // SplitMix64: the same draws each time.
        struct Generator: RandomNumberGenerator {
            var state: UInt64 = 7
            mutating func next() -> UInt64 {
                state &+= 0x9E37_79B9_7F4A_7C15
                var z = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
                z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
                return z ^ z >> 31
            }
        }
        var random = Generator()
        var table = table(ports: 16_384...32_767)
        var bins = [Double](repeating: 0, count: 64)
        var lastUse: [UInt16: MonotonicTime] = [:]
        var now = start
        let draws = 10_000
        for number in 0..<draws {
            let inside = endpoint(2, UInt16(1_024 + 2 * (number % 16_000)))
            guard let external = table.bind(inside, at: now, using: &random) else {
                Issue.record("no port at \(number)")
                return
            }
            table.use(inside)
            if let last = lastUse[external.port] { #expect(now - last >= .seconds(60), "\(external.port)") }
            bins[Int(external.port - 16_384) / 256] += 1
            now = now + .milliseconds(20)
            table.drop(inside, at: now)
            lastUse[external.port] = now
        }
        let expected = Double(draws) / 64
        let chiSquared = bins.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
        // 63 degrees of freedom, p = 0.01.
        #expect(chiSquared < 92.01)
    }

    @Test func `ports are drawn at random`() {
        var firsts: Set<UInt16> = []
        for _ in 0..<64 {
            var table = table(ports: 16_384...32_767)
            firsts.insert(open(&table, endpoint(2, 4000))?.port ?? 0)
        }
        // 64 draws out of 8,192: two alike are to be expected once in five runs, eight never.
        #expect(firsts.count > 56)
    }

    @Test func `IPv6 is not translated`() {
        #expect(!table().translates(Endpoint(.v6(0x2001_0DB8_0000_0000, 1), 4000)))
        #expect(table().translates(endpoint(2, 4000)))
        #expect(!BindingTable(TranslationSettings(addresses: [])).translates(endpoint(2, 4000)))
    }
}
