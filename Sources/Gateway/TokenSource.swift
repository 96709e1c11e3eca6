import SIPText
import Wire

/// Makes branches, tags and numbers that nobody outside can guess: SipHash-2-4 of a counter under a key that the shell
/// drew at random. The core itself draws nothing, so a test that gives the key knows every token.
struct TokenSource {
    private let key: (UInt64, UInt64)
    private var counter: UInt64 = 0

    init(key: (UInt64, UInt64)) { self.key = key }

    /// A new number.
    mutating func number() -> UInt64 {
        counter += 1
        var hash = SipHash(key: key)
        hash.add(counter)
        return hash.finish()
    }

    /// A new token of 16 hexadecimal digits.
    mutating func token() -> [UInt8] {
        var output: [UInt8] = []
        output.appendHex(number())
        return output
    }

    /// A To tag that is the same for each copy of a request (RFC 3261 section 8.2.7).
    func constantTag(for request: Message) -> [UInt8] {
        var tag: [UInt8] = []
        tag.appendHex(LoopCheck.hash(request, self))
        return tag
    }

    /// A hash of the caller's choosing, under the same key but never equal to a token by construction of its input.
    func hash(_ body: (inout SipHash) -> Void) -> UInt64 {
        var hash = SipHash(key: (key.1, key.0))
        body(&hash)
        return hash.finish()
    }
}

/// SipHash-2-4 (Aumasson and Bernstein, 2012) over 64-bit words and octet strings.
struct SipHash {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    init(key: (UInt64, UInt64)) {
        v0 = key.0 ^ 0x736F_6D65_7073_6575
        v1 = key.1 ^ 0x646F_7261_6E64_6F6D
        v2 = key.0 ^ 0x6C79_6765_6E65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    mutating func add(_ word: UInt64) {
        v3 ^= word
        round()
        round()
        v0 ^= word
    }

    /// Adds an octet string and its length, so that two strings are never confused with their concatenation.
    mutating func add(_ octets: Span<UInt8>) {
        let raw = octets.bytes
        let whole = octets.count & ~7
        var offset = 0
        while offset < whole {
            add(UInt64(littleEndian: raw.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset += 8
        }
        var word: UInt64 = 0
        for index in whole..<octets.count { word |= UInt64(octets[index]) << UInt64(8 * (index & 7)) }
        add(word)
        add(UInt64(octets.count))
    }

    consuming func finish() -> UInt64 {
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
        v0 &+= v1
        v1 = v1 << 13 | v1 >> 51
        v1 ^= v0
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v3
        v3 = v3 << 16 | v3 >> 48
        v3 ^= v2
        v0 &+= v3
        v3 = v3 << 21 | v3 >> 43
        v3 ^= v0
        v2 &+= v1
        v1 = v1 << 17 | v1 >> 47
        v1 ^= v2
        v2 = v2 << 32 | v2 >> 32
    }
}

extension [UInt8] {
    /// Appends 16 hexadecimal digits, lower case.
    mutating func appendHex(_ value: UInt64) {
        Hexadecimal.append(value, to: &self)
    }
}
