/// Random numbers that are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// Small damage to messages: the kind that a parser's conditions stand or fall with.
struct Mutation {
    var random: SeededGenerator
    private static let telling = Array("\r\n\0\t \"<>;,:=@\\[]%?/-+0919*(){}SIP/2.0\u{7F}".utf8) + [0x80, 0xFF]
    private static let pieces: [[UInt8]] = [
        "\r\n", "\r\n ", "\r\n\r\n", "\"", "<", ">", ",", ";;", ";tag=", ";branch=", "Via: ", "l: 1\r\n", "To: ", " :",
        "[::1]",
        "Content-Length: 4294967328\r\n", "SIP/2.0", "\\\"", "--7a9cbec02ceef655", ";received=", ";rport", "%00",
        "cid=",
    ].map { Array($0.utf8) }

    /// One to four changes.
    mutating func damage(_ octets: [UInt8]) -> [UInt8] {
        var octets = octets
        for _ in 0..<Int.random(in: 1...4, using: &random) where !octets.isEmpty {
            let place = Int.random(in: 0..<octets.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: octets[place] = pick(Self.telling)
            case 1: octets[place] = UInt8.random(in: .min ... .max, using: &random)
            case 2: octets.insert(pick(Self.telling), at: place)
            case 3: octets.insert(contentsOf: pick(Self.pieces), at: place)
            case 4: octets.removeSubrange(place..<min(place + Int.random(in: 1...9, using: &random), octets.count))
            case 5: octets.insert(contentsOf: octets[place..<min(place + 90, octets.count)], at: place)
            default: octets.removeSubrange(place...)
            }
        }
        return octets
    }

    private mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &random)]
    }
}
