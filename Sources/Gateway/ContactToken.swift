import SIPText
import SIPTransactions
import Wire

/// The user part of the Contact that a phone inside is registered with at a registrar outside: the phone's own Contact and
/// the way to it, readable by this gateway only.
///
/// It holds everything, so the gateway keeps no table, and a restart forgets nobody. The hash under a key of the gateway
/// keeps others from making one that leads to another host inside. The same phone gets the same token each time: its
/// registrar sees one contact that is refreshed.
struct ContactToken: Equatable {
    /// The Contact URI as the phone wrote it.
    var uri: [UInt8]
    /// Where the phone's REGISTER came from.
    var transport: TransportKind
    var source: Endpoint
    /// The TLS connection that it came by: the phone has no name there that a new one could prove.
    var connection: UInt64?

    /// Octets of a Contact URI that is carried: no phone writes a longer one, and a registrar must keep the double.
    static let maximumURI = 512
    /// What tells a token from a user's name.
    private static let prefix: StaticString = "sk1."

    /// The token as a user part: the prefix, the content and its hash in hexadecimal digits.
    func text(key: (UInt64, UInt64)) -> [UInt8] {
        var content: [UInt8] = [transport.rawValue]
        var address: [UInt8] = []
        source.address.appendOctets(to: &address)
        content.append(UInt8(address.count))
        content += address
        content.append(UInt8(truncatingIfNeeded: source.port >> 8))
        content.append(UInt8(truncatingIfNeeded: source.port))
        if transport == .tls {
            let number = connection ?? 0
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                content.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        content += uri
        var text: [UInt8] = []
        text.append(literal: Self.prefix)
        Hexadecimal.append(content.span, to: &text)
        text.append(ASCII.dot)
        text.appendHex(Self.hash(content.span, key))
        return text
    }

    /// Reads a user part; nil when it is no token of this gateway.
    init?(_ text: Span<UInt8>, key: (UInt64, UInt64)) {
        let start = Self.prefix.utf8CodeUnitCount
        // The dot and the sixteen digits of the hash.
        let end = text.count - 17
        guard end > start, (end - start) % 2 == 0, ASCII.equal(text.extracting(0..<start), Self.prefix),
            text[end] == ASCII.dot
        else { return nil }
        var content: [UInt8] = []
        content.reserveCapacity((end - start) / 2)
        for position in stride(from: start, to: end, by: 2) {
            guard let octet = UInt8(hexadecimal: text[position], text[position + 1]) else { return nil }
            content.append(octet)
        }
        var hash: [UInt8] = []
        hash.appendHex(Self.hash(content.span, key))
        guard ASCII.equal(text.extracting(end + 1..<text.count), hash.span), content.count > 2 else { return nil }
        let length = Int(content[1])
        guard let transport = TransportKind(rawValue: content[0]), content.count > length + 4 else { return nil }
        let octets = Array(content[2..<2 + length])
        guard let address = IPAddress(octets: octets.span) else { return nil }
        let port = UInt16(content[2 + length]) << 8 | UInt16(content[3 + length])
        let rest = content[(4 + length)...]
        let count = transport == .tls ? MemoryLayout<UInt64>.size : 0
        guard rest.count >= count else { return nil }
        let number = rest.prefix(count).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.init(
            uri: Array(rest.dropFirst(count)), transport: transport, source: Endpoint(address, port),
            connection: transport == .tls ? number : nil)
    }

    init(uri: [UInt8], transport: TransportKind, source: Endpoint, connection: UInt64?) {
        self.uri = uri
        self.transport = transport
        self.source = source
        self.connection = transport == .tls ? connection : nil
    }

    private static func hash(_ content: Span<UInt8>, _ key: (UInt64, UInt64)) -> UInt64 {
        var hash = SipHash(key: key)
        hash.add(content)
        return hash.finish()
    }
}

extension UInt8 {
    /// The octet of two hexadecimal digits, lower case; nil for others.
    fileprivate init?(hexadecimal high: UInt8, _ low: UInt8) {
        func value(_ digit: UInt8) -> UInt8? {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            default: nil
            }
        }
        guard let high = value(high), let low = value(low) else { return nil }
        self = high << 4 | low
    }
}
