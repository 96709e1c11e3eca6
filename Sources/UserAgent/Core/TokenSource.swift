import Wire

/// Makes tags, branches, Call-IDs and references. The core draws nothing by itself: what is random comes in with the
/// generator, so a test that gives its own knows every token.
struct TokenSource: Sendable {
    private var generator: any RandomNumberGenerator & Sendable

    /// - Parameter generator: one that nobody outside can guess, except in tests.
    init(_ generator: any RandomNumberGenerator & Sendable) { self.generator = generator }

    mutating func number() -> UInt64 { generator.next() }

    /// A new token of 16 hexadecimal digits.
    mutating func token() -> [UInt8] {
        var output: [UInt8] = []
        output.appendHexadecimal(octets(8))
        return output
    }

    /// A new branch (RFC 3261 section 8.1.1.7).
    mutating func branch() -> [UInt8] { Array("z9hG4bK".utf8) + token() }

    mutating func octets(_ count: Int) -> [UInt8] {
        var output: [UInt8] = []
        while output.count < count {
            let word = number()
            for shift in stride(from: 0, to: 64, by: 8) where output.count < count {
                output.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return output
    }
}

extension [UInt8] {
    /// Appends two hexadecimal digits for each octet, lower case.
    mutating func appendHexadecimal(_ octets: [UInt8]) {
        let digits: StaticString = "0123456789abcdef"
        for octet in octets {
            append(digits.utf8Start[Int(octet >> 4)])
            append(digits.utf8Start[Int(octet & 0x0F)])
        }
    }
}
