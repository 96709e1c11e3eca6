/// The classic pcap file format with nanoseconds, as libpcap and Wireshark read it (pcap-savefile(5)): a header, then
/// for each packet a record header and the packet. Numbers are little-endian here; the magic number tells readers so.
enum PcapFormat {
    /// Octets of the file's header.
    static let headerLength = 24
    /// Octets of a record's header.
    static let recordHeaderLength = 16
    /// Octets of a packet kept at most: what libpcap takes at most (MAXIMUM_SNAPLEN of its pcap-int.h).
    static let maximumSnapLength = 262_144
    /// Octets of a packet kept unless told otherwise: the longest IP packet.
    static let defaultSnapLength = 65_535
    /// Octets of a packet kept at least: Ethernet, IPv6, UDP and RTP headers.
    static let minimumSnapLength = 96

    /// The header of a file with Ethernet frames.
    static func header(snapLength: Int) -> [UInt8] {
        var octets: [UInt8] = []
        append(UInt32(0xA1B2_3C4D), to: &octets)
        append(UInt16(2), to: &octets)
        append(UInt16(4), to: &octets)
        // Offset from UTC and accuracy of the times: always 0 by the format's description.
        append(UInt32(0), to: &octets)
        append(UInt32(0), to: &octets)
        append(UInt32(truncatingIfNeeded: snapLength), to: &octets)
        // LINKTYPE_ETHERNET.
        append(UInt32(1), to: &octets)
        return octets
    }

    /// Appends one record.
    ///
    /// - Parameters:
    ///   - frame: the octets that were kept.
    ///   - length: octets on the wire.
    ///   - seconds: since 1970; the format counts in 32 bits, until 2106.
    static func append(
        _ frame: Span<UInt8>, length: UInt32, seconds: Int64, nanoseconds: Int64, to octets: inout [UInt8]
    ) {
        append(UInt32(truncatingIfNeeded: seconds), to: &octets)
        append(UInt32(truncatingIfNeeded: nanoseconds), to: &octets)
        append(UInt32(truncatingIfNeeded: frame.count), to: &octets)
        append(length, to: &octets)
        for index in 0..<frame.count { octets.append(frame[index]) }
    }

    private static func append<Number: FixedWidthInteger>(_ number: Number, to octets: inout [UInt8]) {
        for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
            octets.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
