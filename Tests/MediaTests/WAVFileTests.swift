import Glibc
import Media
import Testing

/// Files made by sox 14.4.2 of the same eight samples, and what else may come.
@Suite struct WAVFileTests {
    private static let samples: [Int16] = [0, 1_000, -1_000, 32_767, -32_768, 256, -256, 5]
    private static let pcm = octets(
        "524946463400000057415645666d74201000000001000100401f0000803e0000020010006461746110000000"
            + "0000e80318fcff7f0080000100ff0500")
    private static let muLaw = octets(
        "524946463a00000057415645666d74201200000007000100401f0000401f0000010008000000"
            + "6661637404000000080000006461746108000000ffce4e8000e767fe")
    private static let aLaw = octets(
        "524946463a00000057415645666d74201200000006000100401f0000401f0000010008000000"
            + "6661637404000000080000006461746108000000d5fa7aaa2ac55ad5")

    private static func octets(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap { $0.hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private func parse(_ bytes: [UInt8]) throws(WAVError) -> [Int16] { try WAVFile(parsing: bytes.span).samples }

    @Test func `PCM is written as sox writes it and read back`() throws {
        #expect(try WAVFile(samples: Self.samples).serialized() == Self.pcm)
        #expect(try parse(Self.pcm) == Self.samples)
        #expect(try parse(WAVFile(samples: []).serialized()) == [])
    }

    @Test func `A-law and u-law are read`() throws {
        #expect(try parse(Self.muLaw) == [0, 988, -988, 32_124, -32_124, 260, -260, 8])
        #expect(try parse(Self.aLaw) == [8, 1_008, -1_008, 32_256, -32_256, 264, -248, 8])
    }

    @Test func `unknown chunks, odd ones too, and the extensible format are read over`() throws {
        let junk = Array("LIST".utf8) + [3, 0, 0, 0, 1, 2, 3, 0]
        #expect(try parse(Self.pcm[..<12] + junk + Self.pcm[12...]) == Self.samples)
        #expect(try parse(Self.pcm + junk) == Self.samples)
        var extensible = Array(Self.pcm[12..<36])
        extensible[4] = 40
        extensible.replaceSubrange(8..<10, with: [0xFE, 0xFF])
        extensible += [22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 16, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
        #expect(try parse(Self.pcm[..<12] + extensible + Self.pcm[36...]) == Self.samples)
    }

    @Test func `what is wrong is said`() {
        func edited(_ offset: Int, _ octet: UInt8) -> [UInt8] {
            var bytes = Self.pcm
            bytes[offset] = octet
            return bytes
        }
        #expect(throws: WAVError.notWAV) { try parse([]) }
        #expect(throws: WAVError.notWAV) { try parse(edited(0, 0x4C)) }
        #expect(throws: WAVError.notWAV) { try parse(edited(11, 0x4C)) }
        #expect(throws: WAVError.missing(chunk: "fmt ")) { try parse(Array(Self.pcm[..<12])) }
        #expect(throws: WAVError.missing(chunk: "data")) { try parse(Array(Self.pcm[..<36])) }
        #expect(throws: WAVError.missing(chunk: "fmt ")) { try parse(Array(Self.pcm[..<12]) + Self.pcm[36...]) }
        #expect(throws: WAVError.truncated(chunk: "data", offset: 36)) { try parse(Self.pcm.dropLast()) }
        #expect(throws: WAVError.truncated(chunk: "data", offset: 36)) { try parse(edited(43, 0xFF)) }
        #expect(throws: WAVError.truncated(chunk: "fmt ", offset: 12)) { try parse(edited(16, 15)) }
        for (offset, octet, expected) in [
            (20, 3, WAVError.unsupported(formatTag: 3, channels: 1, sampleRate: 8_000, bitsPerSample: 16)),
            (22, 2, .unsupported(formatTag: 1, channels: 2, sampleRate: 8_000, bitsPerSample: 16)),
            (25, 0x3E, .unsupported(formatTag: 1, channels: 1, sampleRate: 15_936, bitsPerSample: 16)),
            (34, 24, .unsupported(formatTag: 1, channels: 1, sampleRate: 8_000, bitsPerSample: 24)),
        ] {
            #expect(throws: expected) { try parse(edited(offset, UInt8(octet))) }
        }
        #expect(
            "\(WAVError.unsupported(formatTag: 1, channels: 2, sampleRate: 8_000, bitsPerSample: 16))".contains("sox"))
    }

    @Test func `the size limit holds at n and n plus 1`() throws {
        var file = WAVFile(samples: [Int16](repeating: 1, count: WAVFile.Limits.samples))
        var bytes = try file.serialized()
        #expect(bytes.count == WAVFile.Limits.octets)
        #expect(try parse(bytes).count == WAVFile.Limits.samples)
        bytes.append(0)
        #expect(throws: WAVError.tooLarge) { try parse(bytes) }
        file.samples.append(1)
        #expect(throws: WAVError.tooLarge) { try file.serialized() }
    }

    @Test func `no prefix of a file traps`() {
        for file in [Self.pcm, Self.muLaw, Self.aLaw] {
            for count in file.indices { #expect(throws: WAVError.self) { try parse(Array(file[..<count])) } }
        }
    }

    @Test func `a file on disk is private and reads back, and a bad path is named`() throws {
        let path = "/tmp/media-tests-\(getpid()).wav"
        defer { unlink(path) }
        try WAVFile(samples: Self.samples + Self.samples).save(path: path)
        try WAVFile(samples: Self.samples).save(path: path)
        #expect(try WAVFile.load(path: path).samples == Self.samples)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(status.st_size == Self.pcm.count)
        #expect(throws: WAVError.system(call: "open", path: "/nonexistent/x.wav", errno: ENOENT)) {
            try WAVFile.load(path: "/nonexistent/x.wav")
        }
        #expect(throws: WAVError.system(call: "write", path: "/dev/full", errno: ENOSPC)) {
            try WAVFile(samples: Self.samples).save(path: "/dev/full")
        }
        #expect(throws: WAVError.system(call: "read", path: "/tmp", errno: EISDIR)) { try WAVFile.load(path: "/tmp") }
        #expect(throws: WAVError.tooLarge) { try WAVFile.load(path: "/dev/zero") }
        let message = "\(WAVError.system(call: "open", path: "/x.wav", errno: ENOENT))"
        #expect(message == "open /x.wav: No such file or directory")
    }
}
