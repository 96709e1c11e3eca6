import GateProtocol
import Testing
import Wire

@testable import Netfilter

@Suite struct NearMissTableTests {
    private let inside = endpoint("10.1.0.2:4000")
    private let outside = endpoint("10.2.0.2:5000")
    private let stranger = endpoint("203.0.113.9:7000")
    private let start = MonotonicTime(nanoseconds: 0)

    private var holes: [OpenHole] {
        [OpenHole(.path(MediaPath(inside: inside, outside: outside)), insideHop: inside.address, outsideHop: nil)]
    }

    private func seen(_ pairs: [(Endpoint, Endpoint)], of holes: [OpenHole]? = nil) -> [NearMiss] {
        var table = NearMissTable()
        for (source, destination) in pairs { table.note(from: source, to: destination, at: start) }
        return table.nearMisses(of: holes ?? self.holes, at: start)
    }

    @Test func `what has one end in common with a hole is its near miss, and nothing else`() {
        let otherPort = endpoint("10.2.0.2:5002")
        for pair in [
            (otherPort, inside), (stranger, inside), (outside, endpoint("10.1.0.2:4010")),
            (otherPort, endpoint("10.1.0.2:4010")), (endpoint("10.1.0.2:4002"), outside),
            (inside, endpoint("10.2.0.2:5010")),
        ] {
            #expect(seen([pair]) == [NearMiss(source: pair.0, destination: pair.1, packets: 1)])
        }
        for pair in [
            (stranger, endpoint("10.1.0.2:4010")), (outside, endpoint("10.1.0.3:4000")),
            (endpoint("10.1.0.3:4000"), outside), (inside, stranger), (outside, stranger),
        ] {
            #expect(seen([pair]).isEmpty, "\(pair)")
        }
    }

    @Test func `where addresses are translated, what comes to the external endpoint is missed`() {
        let external = endpoint("198.51.100.1:20000")
        var open = holes
        open[0].external = external
        #expect(seen([(stranger, external)], of: open).map(\.destination) == [external])
        #expect(seen([(stranger, inside)], of: open).isEmpty)
        #expect(seen([(endpoint("10.1.0.2:4002"), outside)], of: open).count == 1)
    }

    @Test func `the most frequent ones come first, eight at most`() {
        let pairs = (1...9).flatMap { number in
            Array(repeating: (Endpoint(stranger.address, UInt16(number)), inside), count: number)
        }
        let found = seen(pairs)
        #expect(found.map(\.packets) == [9, 8, 7, 6, 5, 4, 3, 2])
        #expect(found.first?.source.port == 9)
    }

    @Test func `a minute after its last packet a pair is forgotten`() {
        var table = NearMissTable()
        table.note(from: stranger, to: inside, at: start)
        let almost = start + .milliseconds(59_999)
        #expect(table.nearMisses(of: holes, at: almost).count == 1)
        #expect(table.nearMisses(of: holes, at: start + .seconds(60)).isEmpty)
        table.note(from: stranger, to: inside, at: almost)
        #expect(table.nearMisses(of: holes, at: start + .seconds(60)).map(\.packets) == [2])
    }

    @Test func `a flood of strangers is bounded, and what goes on is not lost in it`() {
        var table = NearMissTable()
        for number in 0..<100_000 {
            let now = start + .milliseconds(Int64(number))
            table.note(from: Endpoint(.v4(UInt32(number)), 9), to: inside, at: now)
            #expect(table.count <= NearMissTable.maximumPairs)
            if number.isMultiple(of: 100) { table.note(from: endpoint("10.2.0.2:5002"), to: inside, at: now) }
        }
        let found = table.nearMisses(of: holes, at: start + .seconds(100))
        #expect(found.first == NearMiss(source: endpoint("10.2.0.2:5002"), destination: inside, packets: 1_000))
        var full = NearMissTable()
        for number in 0..<NearMissTable.maximumPairs {
            full.note(from: Endpoint(.v4(UInt32(number)), 9), to: inside, at: start)
        }
        #expect(full.count == NearMissTable.maximumPairs)
        full.note(from: stranger, to: inside, at: start)
        #expect(full.count <= NearMissTable.maximumPairs)
    }

    @Test func `the ends of a packet are read where they stand`() {
        let v4: [UInt8] = [
            0x45, 0, 0, 32, 0, 0, 0x40, 0, 63, 17, 0, 0, 10, 2, 0, 2, 10, 1, 0, 2, 0x13, 0x88, 0x0F, 0xA0,
        ]
        let read = DatagramEnds(v4.span)
        #expect(read?.source == outside && read?.destination == inside)
        // With options.
        var options = v4
        options[0] = 0x46
        options.insert(contentsOf: [1, 1, 1, 1], at: 20)
        #expect(DatagramEnds(options.span) == read)
        var v6: [UInt8] = [0x60, 0, 0, 0, 0, 8, 17, 63]
        v6 += [0xFD] + [UInt8](repeating: 0, count: 14) + [2] + [0xFD] + [UInt8](repeating: 0, count: 14) + [1]
        v6 += [0x13, 0x88, 0x0F, 0xA0]
        #expect(DatagramEnds(v6.span)?.source == endpoint("[fd00::2]:5000"))
        #expect(DatagramEnds(v6.span)?.destination == endpoint("[fd00::1]:4000"))
        for packet in [v4, options, v6] {
            for count in 0..<packet.count { #expect(DatagramEnds(packet.span.extracting(first: count)) == nil) }
        }
        // Not UDP, a later fragment, a header that is too short, no IP.
        for (place, octet) in [(9, 6), (7, 1), (6, 1), (0, 0x44), (0, 0x55)] as [(Int, UInt8)] {
            var other = v4
            other[place] = octet
            #expect(DatagramEnds(other.span) == nil)
        }
        v6[6] = 0
        #expect(DatagramEnds(v6.span) == nil)
    }
}
