import CLinux
import Glibc

/// A pcap file that ends with a whole packet at every moment between two calls, whatever happens to the disk.
struct PcapFile: ~Copyable {
    let path: String
    private let descriptor: Int32
    private let maximumBytes: Int
    /// Octets that are in the file.
    private var length = 0
    private var pending: [UInt8] = []
    private var pendingPackets: UInt64 = 0
    /// Packets in the file.
    private(set) var packets: UInt64 = 0
    /// Packets that are not in the file because it is full, or could not be written.
    private(set) var leftOut: UInt64 = 0
    /// Why nothing more is written, once that is so.
    private(set) var end: RecorderError?

    /// Makes the file, with its header.
    ///
    /// - Parameter start: the time that the name tells.
    static func create(_ options: Options, start: timespec) throws(RecorderError) -> PcapFile {
        var file = try PcapFile(options, start: start)
        file.pending = PcapFormat.header(snapLength: options.snapLength)
        file.flush()
        if let end = file.end {
            unlink(file.path)
            throw end
        }
        return file
    }

    private init(_ options: Options, start: timespec) throws(RecorderError) {
        let path = "\(options.folder)/\(options.interface)-\(Self.name(of: start)).pcap"
        let opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw RecorderError(operation: "create", subject: path, code: errno) }
        self.path = path
        descriptor = opened
        maximumBytes = options.maximumBytes
    }

    deinit { close(descriptor) }

    /// Takes a packet; it is in the file after the next `flush`.
    mutating func append(_ octets: Span<UInt8>, _ frame: CLinux_frame) {
        let size = PcapFormat.recordHeaderLength + octets.count
        if end == nil, length + pending.count + size > maximumBytes {
            end = RecorderError(operation: "write", subject: path, code: EFBIG, advice: "--max-bytes is reached")
        }
        guard end == nil else {
            leftOut += 1
            return
        }
        PcapFormat.append(
            octets, length: frame.length, seconds: frame.seconds, nanoseconds: frame.nanoseconds, to: &pending)
        pendingPackets += 1
    }

    /// Writes what was taken. What cannot be written whole is not in the file at all.
    mutating func flush() {
        var written = 0
        while written < pending.count {
            let result = pending.withUnsafeBytes { buffer in
                buffer.baseAddress.map { write(descriptor, $0 + written, buffer.count - written) } ?? 0
            }
            if result > 0 {
                written += result
                continue
            }
            let code = errno
            if result < 0, code == EINTR { continue }
            end = RecorderError(operation: "write", subject: path, code: result < 0 ? code : EIO)
            ftruncate(descriptor, length)
            leftOut += pendingPackets
            break
        }
        if written == pending.count {
            length += written
            packets += pendingPackets
        }
        pending.removeAll(keepingCapacity: true)
        pendingPackets = 0
    }

    /// `20261124T150201.123456Z`: sorts by time, and two starts do not share a name.
    private static func name(of time: timespec) -> String {
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ value: Int, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        let date =
            digits(Int(parts.tm_year) + 1900, 4) + digits(Int(parts.tm_mon) + 1, 2) + digits(Int(parts.tm_mday), 2)
        let clock = digits(Int(parts.tm_hour), 2) + digits(Int(parts.tm_min), 2) + digits(Int(parts.tm_sec), 2)
        return "\(date)T\(clock).\(digits(time.tv_nsec / 1000, 6))Z"
    }
}
