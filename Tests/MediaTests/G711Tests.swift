import Media
import Testing

@Suite struct G711Tests {
    private static let tables = [(G711.muLaw, G711Tables.muLaw), (G711.aLaw, G711Tables.aLaw)]

    @Test(arguments: tables)
    func `each code decodes as the table says`(law: G711, table: [Int16]) {
        #expect((0...255).map { law.decode(UInt8($0)) } == table)
    }

    @Test(arguments: tables)
    func `each code survives decode and encode, but for the negative zero`(law: G711, table: [Int16]) {
        for code in UInt8.min...UInt8.max {
            let again = law.encode(law.decode(code))
            #expect(again == code || (law == .muLaw && code == 0x7F && again == 0xFF))
            #expect(law.decode(again) == law.decode(code))
        }
    }

    @Test(
        arguments: [(G711.muLaw, 4, 0x3065_D79F_A2FB_900E), (.aLaw, 8, 0xC532_4EFE_F92D_CFA5)] as [(G711, Int, UInt64)])
    func `each sample of 14 or 13 bits gets the code that sox gives it`(law: G711, step: Int, hash: UInt64) {
        // FNV-1a over the codes of all samples in ascending order; sox rounds what lies between them.
        var computed: UInt64 = 0xCBF2_9CE4_8422_2325
        for sample in stride(from: Int(Int16.min), through: Int(Int16.max), by: step) {
            computed = (computed ^ UInt64(law.encode(Int16(sample)))) &* 0x100_0000_01B3
        }
        #expect(computed == hash)
    }

    @Test(arguments: G711.allCases)
    func `louder samples never get a lower code's value`(law: G711) {
        let values = (Int(Int16.min)...Int(Int16.max)).map { law.decode(law.encode(Int16($0))) }
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(Set(values).count == (law == .muLaw ? 255 : 256))
    }

    @Test func `known codes`() {
        #expect(G711.muLaw.encode([0, -1, 4, -4, .max, .min]) == [0xFF, 0x7F, 0xFE, 0x7E, 0x80, 0x00])
        #expect(G711.aLaw.encode([0, -1, 16, -17, .max, .min]) == [0xD5, 0x55, 0xD4, 0x54, 0xAA, 0x2A])
        #expect(G711(payloadType: 0) == .muLaw)
        #expect(G711(payloadType: 8) == .aLaw)
        #expect(G711(payloadType: 18) == nil)
        for law in G711.allCases { #expect(G711(payloadType: law.payloadType) == law) }
    }
}

@Suite struct ToneGeneratorTests {
    @Test func `a tone has its frequency, its height and no break between calls`() {
        var tone = ToneGenerator(frequency: 440, amplitude: 10_000)
        var samples: [Int16] = []
        for _ in 0..<50 { samples += tone.next(160) }
        let rising = zip(samples, samples.dropFirst()).count { $0 < 0 && $1 >= 0 }
        #expect((438...441).contains(rising))
        #expect(samples.max().map { (9_950...10_000).contains($0) } == true)
        #expect(samples.min().map { (-10_000 ... -9_950).contains($0) } == true)
        var whole = ToneGenerator(frequency: 440, amplitude: 10_000)
        #expect(whole.next(8_000) == samples)
        #expect(whole.next(0).isEmpty)
        #expect(whole.next(-1).isEmpty)
    }
}
