/// A sound file with one channel of 8,000 samples a second (RIFF WAVE, Multimedia Programming Interface 1.0, IBM and
/// Microsoft 1991; format tags of RFC 2361).
///
/// Read are linear PCM with 16 bits, A-law and µ-law; written is PCM. Chunks other than `fmt ` and `data` are read over.
public struct WAVFile: Hashable, Sendable {
    /// How much is held in memory.
    public enum Limits {
        /// Octets in a file: over an hour of PCM at 16,000 octets a second. It is held in memory as a whole.
        public static let octets = 64 << 20
        /// Samples that fit in a file that is written.
        public static let samples = (octets - headerOctets) / 2
        /// RIFF, `fmt ` and the head of `data` as written.
        static let headerOctets = 44
    }

    /// Linear, 16 bits, 8,000 a second.
    public var samples: [Int16]

    /// A file of 16-bit samples, 8,000 a second.
    public init(samples: [Int16]) { self.samples = samples }
}

/// Why a sound file could not be read or written.
public enum WAVError: Error, Hashable, Sendable {
    /// The file does not begin as RIFF WAVE does.
    case notWAV
    /// The file, or the one that would be written, is over `WAVFile.Limits.octets`.
    case tooLarge
    /// A chunk says that it is longer than what is left of the file.
    case truncated(chunk: String, offset: Int)
    /// There is no such chunk, or `data` stands before `fmt `.
    case missing(chunk: String)
    /// Sound of another kind.
    case unsupported(formatTag: UInt16, channels: UInt16, sampleRate: UInt32, bitsPerSample: UInt16)
    /// A system call failed.
    case system(call: String, path: String, errno: Int32)
}

extension WAVFile {
    /// The `wFormatTag` values that are read.
    private enum FormatTag {
        static let pcm: UInt16 = 1
        static let aLaw: UInt16 = 6
        static let muLaw: UInt16 = 7
        /// The tag proper is in the first two octets of the subformat at offset 24.
        static let extensible: UInt16 = 0xFFFE
    }

    /// Reads a file's octets.
    public init(parsing bytes: Span<UInt8>) throws(WAVError) {
        guard bytes.count <= Limits.octets else { throw .tooLarge }
        guard bytes.count >= 12, Self.name(bytes, at: 0) == "RIFF", Self.name(bytes, at: 8) == "WAVE" else {
            throw .notWAV
        }
        var format: Range<Int>?
        var position = 12
        while bytes.count - position >= 8 {
            let name = Self.name(bytes, at: position)
            let start = position + 8
            let count = Int(bytes.little32(at: position + 4))
            guard count <= bytes.count - start else { throw .truncated(chunk: name, offset: position) }
            let body = start..<start + count
            if name == "fmt " {
                guard count >= 16 else { throw .truncated(chunk: name, offset: position) }
                format = body
            } else if name == "data" {
                guard let format else { throw .missing(chunk: "fmt ") }
                samples = try Self.decode(body, format: format, in: bytes)
                return
            }
            // Chunks start at even offsets.
            position = body.upperBound + count & 1
        }
        throw .missing(chunk: format == nil ? "fmt " : "data")
    }

    private static func decode(
        _ data: Range<Int>, format: Range<Int>, in bytes: Span<UInt8>
    ) throws(WAVError) -> [Int16] {
        let start = format.lowerBound
        var tag = bytes.little16(at: start)
        if tag == FormatTag.extensible, format.count >= 40 { tag = bytes.little16(at: start + 24) }
        let channels = bytes.little16(at: start + 2)
        let rate = bytes.little32(at: start + 4)
        let bits = bytes.little16(at: start + 14)
        if channels == 1, rate == UInt32(G711.sampleRate) {
            if tag == FormatTag.pcm, bits == 16 {
                return stride(from: data.lowerBound, to: data.upperBound - 1, by: 2).map {
                    Int16(bitPattern: bytes.little16(at: $0))
                }
            }
            if tag == FormatTag.muLaw, bits == 8 { return G711.muLaw.decode(bytes.extracting(data)) }
            if tag == FormatTag.aLaw, bits == 8 { return G711.aLaw.decode(bytes.extracting(data)) }
        }
        throw .unsupported(formatTag: tag, channels: channels, sampleRate: rate, bitsPerSample: bits)
    }

    private static func name(_ bytes: Span<UInt8>, at offset: Int) -> String {
        String(decoding: (offset..<offset + 4).map { bytes[$0] }, as: UTF8.self)
    }

    /// The file's octets: PCM, 16 bits.
    public func serialized() throws(WAVError) -> [UInt8] {
        guard samples.count <= Limits.samples else { throw .tooLarge }
        let dataOctets = UInt32(samples.count * 2)
        let rate = UInt32(G711.sampleRate)
        var output: [UInt8] = []
        output.reserveCapacity(Limits.headerOctets + samples.count * 2)
        output += "RIFF".utf8
        output.append(little: dataOctets + 36)
        output += "WAVEfmt ".utf8
        output.append(little: UInt32(16))
        output.append(little: FormatTag.pcm)
        output.append(little: UInt16(1))
        output.append(little: rate)
        output.append(little: rate * 2)
        output.append(little: UInt16(2))
        output.append(little: UInt16(16))
        output += "data".utf8
        output.append(little: dataOctets)
        for sample in samples { output.append(little: UInt16(bitPattern: sample)) }
        return output
    }
}

extension WAVError: CustomStringConvertible {
    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .notWAV: "not a WAV file"
        case .tooLarge: "sound file over \(WAVFile.Limits.octets) octets; cut it"
        case .truncated(let chunk, let offset):
            "WAV file cut short: chunk '\(chunk)' at octet \(offset) is longer than the rest"
        case .missing(let chunk): "WAV file without chunk '\(chunk)', or with it after the sound"
        case .unsupported(let tag, let channels, let rate, let bits):
            "sound of format \(tag) with \(channels) channels, \(rate) samples/s and \(bits) bits; needed is one "
                + "channel of 8000 samples/s as 16-bit PCM, A-law or u-law: sox in.wav -r 8000 -c 1 -b 16 out.wav"
        case .system(let call, let path, let code): "\(call) \(path): \(WAVFile.message(of: code))"
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(little value: UInt16) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
    }

    fileprivate mutating func append(little value: UInt32) {
        append(little: UInt16(truncatingIfNeeded: value))
        append(little: UInt16(truncatingIfNeeded: value >> 16))
    }
}

extension Span where Element == UInt8 {
    fileprivate func little16(at offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset + 1]) << 8 }

    fileprivate func little32(at offset: Int) -> UInt32 {
        UInt32(little16(at: offset)) | UInt32(little16(at: offset + 2)) << 16
    }
}
