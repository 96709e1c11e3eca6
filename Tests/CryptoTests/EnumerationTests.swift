import CInstructions
import Corpus
import Crypto
import Glibc
import Registration
import SIPText
import Testing
import Wire

/// Whether what a wrong password costs tells who exists: T7, with the real hashes.
@Suite struct EnumerationTests {
    private static let realm = Array("example.net".utf8)
    /// Looks of each kind, in no order.
    private static let looks = 2_000

    private struct Unreadable: Error {}

    private func register(_ name: String) throws -> Message {
        let text = """
            REGISTER sip:example.net SIP/2.0\r
            Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r
            From: <sip:\(name)@example.net>;tag=1\r
            To: <sip:\(name)@example.net>\r
            Call-ID: 1\r
            CSeq: 1 REGISTER\r
            Max-Forwards: 70\r
            Authorization: Digest username="\(name)", realm="example.net", uri="sip:example.net", algorithm=SHA-256,\r
             nonce="\(String(repeating: "0", count: 64))", nc=00000001, cnonce="c", qop=auth,\r
             response="\(String(repeating: "0", count: 64))"\r
            \r\n
            """
        guard case .message(let message) = MessageParser.parse(Array(text.utf8)) else { throw Unreadable() }
        return message
    }

    /// What was counted, instructions where the kernel can, and how long it took by the CPU time of the thread: of the user who is there, then of the
    /// one who is not.
    private func measure() throws -> (costs: [[Double]], times: [[Double]]) {
        let digests = try LibcryptoDigests()
        var authenticator = DigestAuthenticator(realm: Self.realm, key: try SecretBytes.nonceKey(), digests: digests)
        authenticator.replaceUsers(
            ["alice", "bobby", "david"].map { name in
                RegisteredUser(
                    name: Array(name.utf8), realm: Self.realm, password: Array("secret-\(name)".utf8).span,
                    keepsMD5: false, digests: digests)
            })
        let messages = [try register("alice"), try register("carol")]
        let counter = instructions_open()
        defer { if counter >= 0 { close(counter) } }
        var generator = SplitMix(state: 7)
        let order = ([Int](repeating: 0, count: Self.looks) + [Int](repeating: 1, count: Self.looks))
            .shuffled(using: &generator)
        var costs: [[Double]] = [[], []]
        var times: [[Double]] = [[], []]
        let now = MonotonicTime(nanoseconds: 1_000_000_000)
        // The first ones fill caches.
        for _ in 0..<200 { for message in messages { _ = authenticator.verify(message, .authorization, at: now) } }
        for kind in order {
            let start = (instructions_read(counter), instructions_read(-1))
            let verdict = authenticator.verify(messages[kind], .authorization, at: now)
            let end = (instructions_read(-1), instructions_read(counter))
            #expect(verdict == .challenge(stale: false))
            times[kind].append(Double(end.0 - start.1))
            costs[kind].append(Double(end.1 - start.0))
        }
        return (costs, times)
    }

    @Test func `a wrong password costs as much for a user who is there as for one who is not`() throws {
        let (costs, times) = try measure()
        let medians = costs.map { $0.sorted()[$0.count / 2] }
        let ratio = medians[1] / medians[0]
        let test = RankSum(times[0], times[1])
        print(
            "T7: \(Self.looks) wrong passwords each: known \(times[0].sorted()[Self.looks / 2]) ns, unknown "
                + "\(times[1].sorted()[Self.looks / 2]) ns; Mann-Whitney U \(test.u), p \(test.p); instructions, or time "
                + "where the kernel counts none: \(ratio)")
        // Leaving one of the hashes out is a third less.
        #expect(0.85...1.18 ~= ratio)
    }

    @Test func `the rank sum tells what differs from what does not`() {
        var generator = SplitMix(state: 3)
        let (a, b) = ((0..<500).map { _ in Double.random(in: 0..<1, using: &generator) }, [1.0, 2, 3, 4, 5])
        #expect(RankSum(a, a).p > 0.99)
        #expect(RankSum(a, a.map { $0 + 0.1 }).p < 0.001)
        // Pairs counted by hand.
        #expect(RankSum(b, [4.5, 6, 7, 8, 9]).u == 1)
        #expect(RankSum(b, b).u == 12.5)
        #expect(RankSum(b.map { $0 + 10 }, b).u == 25)
    }
}

/// The test of Mann and Whitney (1947): whether two samples are of one distribution, by the ranks of their values.
private struct RankSum {
    /// Pairs in which the first sample's value is the greater one; equal ones count half.
    let u: Double
    /// How likely so much of a difference is when there is none: two-sided, by the normal approximation with ties.
    let p: Double

    init(_ first: [Double], _ second: [Double]) {
        let sorted = (first.map { ($0, true) } + second.map { ($0, false) }).sorted { $0.0 < $1.0 }
        let (m, n) = (Double(first.count), Double(second.count))
        var rankSum = 0.0
        var ties = 0.0
        var start = 0
        while start < sorted.count {
            let end = sorted[start...].firstIndex { $0.0 != sorted[start].0 } ?? sorted.count
            let count = Double(end - start)
            rankSum += Double(sorted[start..<end].count { $0.1 }) * (Double(start + end + 1) / 2)
            ties += count * count * count - count
            start = end
        }
        u = rankSum - m * (m + 1) / 2
        let total = m + n
        let deviation = (m * n / 12 * (total + 1 - ties / (total * (total - 1)))).squareRoot()
        p = deviation == 0 ? 1 : erfc(max(0, abs(u - m * n / 2) - 0.5) / deviation / 2.0.squareRoot())
    }
}
