import Glibc
import Testing

/// A pcap file as its format says, read independently of the code that writes it.
struct PcapReading {
    struct Packet: Equatable {
        var seconds: Int
        var nanoseconds: Int
        var length: Int
        var octets: [UInt8]
    }

    private(set) var snapLength = 0
    private(set) var packets: [Packet] = []
    let mode: UInt32
    let size: Int

    /// Reads the only file of a folder.
    init(folder: String) throws {
        let names = try Child.run(["ls", folder]).split(separator: "\n")
        try #require(names.count == 1)
        let path = "\(folder)/\(names[0])"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var status = stat()
        try #require(fstat(descriptor, &status) == 0)
        let size = Int(status.st_size)
        self.size = size
        mode = status.st_mode & 0o7777
        var octets = [UInt8](repeating: 0, count: size)
        try #require(read(descriptor, &octets, size) == size)

        func number(_ offset: Int, _ count: Int) throws -> Int {
            try #require(offset + count <= size, "the file ends in the middle of a packet")
            return octets[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        #expect(try number(0, 4) == 0xA1B2_3C4D)
        #expect(try number(4, 2) == 2)
        #expect(try number(6, 2) == 4)
        #expect(try number(20, 4) == 1)
        snapLength = try number(16, 4)
        var offset = 24
        while offset < size {
            let count = try number(offset + 8, 4)
            try #require(offset + 16 + count <= size, "the file ends in the middle of a packet")
            packets.append(
                Packet(
                    seconds: try number(offset, 4), nanoseconds: try number(offset + 4, 4),
                    length: try number(offset + 12, 4), octets: Array(octets[offset + 16..<offset + 16 + count])))
            offset += 16 + count
        }
    }
}
