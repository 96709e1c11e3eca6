import GateProtocol
import Netfilter
import Testing
import Wire

@Suite struct HoleTableTests {
    static let inside = endpoint("10.1.0.2:4000")
    static let path = MediaPath(inside: inside, outside: endpoint("10.2.0.2:5000"))
    static let control = MediaPath(inside: endpoint("10.1.0.2:4001"), outside: endpoint("10.2.0.2:5001"))

    static let half = OpenHole(.halfOpen(inside), insideHop: inside.address, outsideHop: nil)
    static let media = OpenHole(.path(path), insideHop: inside.address, outsideHop: path.outside.address)
    static let mediaControl = OpenHole(.path(control), insideHop: inside.address, outsideHop: path.outside.address)

    private func time(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    @Test func `a path is two elements, a half-open endpoint one`() {
        #expect(Self.half.keys == [.any(to: Self.inside)])
        #expect(
            Self.media.keys == [
                .outgoing(from: Self.path.inside, to: Self.path.outside),
                .incoming(from: Self.path.outside, to: Self.path.inside),
            ])
    }

    @Test func `narrowing deletes the half-open element and adds the path in one transaction`() {
        var table = HoleTable()
        table.commit(SessionID(1), to: [Self.half], counts: [:], deadline: time(60))
        let change = table.transaction(SessionID(1), to: [Self.media, Self.mediaControl], timeout: .seconds(60))
        #expect(change.old == OpenHole.elements(of: [Self.half], in: SessionID(1)))
        #expect(change.wanted == OpenHole.elements(of: [Self.media, Self.mediaControl], in: SessionID(1)))
    }

    @Test func `a transaction that failed leaves the table as it was`() {
        var table = HoleTable()
        table.commit(SessionID(1), to: [Self.half], counts: [:], deadline: time(60))
        _ = table.transaction(SessionID(1), to: [Self.media], timeout: .seconds(60))
        #expect(table.holes(of: SessionID(1)) == [Self.half])
        #expect(table.conflict([.path(Self.path)], for: SessionID(2)) == nil)
        #expect(table.conflict([.halfOpen(Self.inside)], for: SessionID(2)) == .halfOpen(Self.inside))
    }

    @Test func `a hole belongs to one session until that closes it`() {
        var table = HoleTable()
        table.commit(SessionID(1), to: [Self.half, Self.media], counts: [:], deadline: time(60))
        let wanted: [Hole] = [.path(Self.control), .path(Self.path)]
        #expect(table.conflict(wanted, for: SessionID(1)) == nil)
        #expect(table.conflict(wanted, for: SessionID(2)) == .path(Self.path))
        table.commit(SessionID(1), to: [Self.half], counts: [:], deadline: time(60))
        #expect(table.conflict(wanted, for: SessionID(2)) == nil)
        #expect(table.count == 1)
        table.commit(SessionID(1), to: [], counts: [:], deadline: time(60))
        #expect(table.count == 0)
        #expect(table.conflict([.halfOpen(Self.inside)], for: SessionID(2)) == nil)
    }

    @Test func `counts of old elements are carried over and reported at the end`() {
        var table = HoleTable()
        let id = SessionID(1)
        let out = ElementKey.outgoing(from: Self.path.inside, to: Self.path.outside)
        let back = ElementKey.incoming(from: Self.path.outside, to: Self.path.inside)
        table.commit(id, to: [Self.media], counts: [:], deadline: time(60))
        let first = [out: Traffic(packets: 5, bytes: 1000), back: Traffic(packets: 7, bytes: 1400)]
        table.commit(id, to: table.holes(of: id), counts: first, deadline: time(80))
        let second = [out: Traffic(packets: 1, bytes: 200)]
        let closed = table.commit(id, to: [], counts: second, deadline: time(90))
        #expect(
            closed.paths == [
                PathReport(
                    path: Self.path, outgoing: Traffic(packets: 6, bytes: 1200),
                    incoming: Traffic(packets: 7, bytes: 1400))
            ])
    }

    @Test func `a session expires when it was not renewed, not before`() {
        var table = HoleTable()
        #expect(table.nextDeadline == nil)
        table.commit(SessionID(1), to: [Self.media], counts: [:], deadline: time(60))
        table.commit(SessionID(2), to: [Self.half], counts: [:], deadline: time(61))
        table.commit(SessionID(1), to: [Self.media], counts: [:], deadline: time(80))
        #expect(table.nextDeadline == time(60))
        #expect(table.expire(at: time(59)).isEmpty)
        #expect(table.expire(at: time(60)).isEmpty)
        #expect(table.expire(at: time(70)).map(\.session) == [SessionID(2)])
        #expect(table.conflict([.halfOpen(Self.inside)], for: SessionID(3)) == nil)
        #expect(table.expire(at: time(80)).map(\.session) == [SessionID(1)])
        #expect(table.count == 0)
        #expect(table.nextDeadline == nil)
    }

    @Test func `ten thousand renewals leave no trace but the last`() {
        var table = HoleTable()
        for second in 0..<10_000 as Range<Int64> {
            #expect(table.expire(at: time(second)).isEmpty)
            table.commit(SessionID(1), to: [Self.media], counts: [:], deadline: time(second + 60))
        }
        #expect(table.expire(at: time(10_058)).isEmpty)
        #expect(table.expire(at: time(10_059)).map(\.session) == [SessionID(1)])
    }

    @Test func `pages go through the sessions in order`() {
        var table = HoleTable()
        for number in [9, 3, 7, 1] as [UInt64] {
            let own = Endpoint(Self.inside.address, UInt16(4000 + 2 * number))
            let hole = OpenHole(.halfOpen(own), insideHop: own.address, outsideHop: nil)
            table.commit(SessionID(number), to: [hole], counts: [:], deadline: time(60))
        }
        func page(_ after: UInt64?) -> [UInt64] {
            table.page(after: after.map { SessionID($0) }, limit: 2).sessions.map(\.value)
        }
        #expect(page(nil) == [1, 3])
        #expect(page(3) == [7, 9])
        #expect(page(9) == [])
        #expect(table.page(after: nil, limit: 3).more)
        #expect(!table.page(after: nil, limit: 4).more)
    }
}
