import FakeDigesting
import Registration
import Testing
import Wire

@Suite struct NonceKeeperTests {
    /// A keeper and the time.
    private final class Desk {
        var keeper: NonceKeeper
        var now = MonotonicTime(nanoseconds: 5_000_000_000)

        init(_ capacity: Int) {
            keeper = NonceKeeper(
                key: Bench.key, lifetime: .seconds(60), capacity: capacity, digests: FakeDigests())
        }

        func issue() -> [UInt8] { keeper.issue(at: now) }
        func standing(_ nonce: [UInt8]) -> NonceKeeper.Standing { keeper.standing(of: nonce.span, at: now) }
        func use(_ nonce: [UInt8], _ count: UInt32) -> Bool {
            guard case .fresh(let ordinal) = standing(nonce) else { return false }
            return keeper.use(ordinal, count: count, at: now)
        }
    }

    @Test func `nonces differ, also those of one moment`() {
        let desk = Desk(8)
        #expect(Set((0..<100).map { _ in desk.issue() }).count == 100)
        #expect(desk.keeper.remembered == 0)
    }

    @Test func `a full table forgets the oldest nonce and takes nothing that came before it`() {
        let desk = Desk(4)
        let nonces = (0..<6).map { _ in desk.issue() }
        for nonce in nonces[1...4] { #expect(desk.use(nonce, 1)) }
        #expect(desk.keeper.remembered == 4)
        #expect(desk.standing(nonces[0]) != .expired)
        #expect(desk.use(nonces[5], 1))
        #expect(desk.keeper.remembered == 4)
        #expect(desk.standing(nonces[0]) == .expired)
        #expect(desk.standing(nonces[1]) == .expired)
        for nonce in nonces[2...5] {
            #expect(!desk.use(nonce, 1))
            #expect(desk.use(nonce, 2))
        }
    }

    @Test func `a nonce that was looked at before it was forgotten is not used after`() throws {
        let desk = Desk(1)
        let (a, b) = (desk.issue(), desk.issue())
        guard case .fresh(let first) = desk.standing(a) else { throw Register.Unreadable(text: "") }
        #expect(desk.use(a, 1))
        #expect(desk.use(b, 1))
        let isUsed = desk.keeper.use(first, count: 2, at: desk.now)
        #expect(!isUsed)
    }

    @Test func `expired nonces leave the table`() {
        let desk = Desk(1_000)
        for _ in 0..<500 {
            #expect(desk.use(desk.issue(), 1))
            desk.now = desk.now + .seconds(1)
        }
        #expect(desk.keeper.remembered <= 61)
    }
}
