import Corpus
import FuzzTargets
import Testing

/// What `make fuzz` checks at length, here with what it begins with and what it once found.
@Suite struct FuzzTargetsTests {
    @Test(arguments: FuzzTarget.all)
    func `the seeds of a target are good and differ`(target: FuzzTarget) {
        #expect(target.seeds.count >= 4)
        #expect(Set(target.seeds).count == target.seeds.count)
        for seed in target.seeds { #expect(target.fault(seed) == nil) }
    }

    @Test(arguments: FuzzTarget.all)
    func `every beginning of a seed and every octet changed in it keep what must hold`(target: FuzzTarget) {
        for seed in target.seeds where seed.count < 2_000 {
            for place in stride(from: 0, to: seed.count, by: max(1, seed.count / 100)) {
                var changed = seed
                changed[place] = [0, 0x20, 0x3A, 0x80, 0xFF][place % 5]
                for input in [Array(seed.prefix(place)), changed] {
                    if let fault = target.fault(input) { Issue.record("\(fault): \(input)") }
                }
            }
        }
    }

    @Test(arguments: Find.all) func `a find is mended`(find: Find) throws {
        let target = try #require(FuzzTarget.named(find.target))
        #expect(target.fault(find.octets) == nil)
    }
}
