import SIPText
import SIPTransactions
import Wire

/// The way to a phone, as a message of its came.
struct PhoneWay: Equatable {
    var transport: TransportKind
    var source: Endpoint
    /// The TLS connection: the phone has no name there that a new one could prove.
    var connection: UInt64?

    init(_ transport: TransportKind, _ source: Endpoint, connection: UInt64?) {
        self.transport = transport
        self.source = source
        self.connection = transport == .tls ? connection : nil
    }

    var destination: Destination { Destination(transport, source, connection: connection) }

    /// Transport, length of the address, address, port and, with TLS, the connection.
    var octets: [UInt8] {
        var content = [transport.rawValue]
        var address: [UInt8] = []
        source.address.appendOctets(to: &address)
        content.append(UInt8(address.count))
        content += address
        content.append(UInt8(truncatingIfNeeded: source.port >> 8))
        content.append(UInt8(truncatingIfNeeded: source.port))
        guard transport == .tls else { return content }
        let number = connection ?? 0
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            content.append(UInt8(truncatingIfNeeded: number >> shift))
        }
        return content
    }

    /// Takes `octets` off the front; nil, and nothing taken, when it is not there.
    init?(taking content: inout ArraySlice<UInt8>) {
        var rest = content
        guard let transport = rest.popFirst().flatMap(TransportKind.init(rawValue:)),
            let length = rest.popFirst().map(Int.init), rest.count >= length + 2
        else { return nil }
        let octets = Array(rest.prefix(length))
        guard let address = IPAddress(octets: octets.span) else { return nil }
        rest = rest.dropFirst(length)
        let port = rest.prefix(2).reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
        rest = rest.dropFirst(2)
        let count = transport == .tls ? MemoryLayout<UInt64>.size : 0
        guard rest.count >= count else { return nil }
        let number = rest.prefix(count).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        self.init(transport, Endpoint(address, port), connection: number)
        content = rest.dropFirst(count)
    }
}

/// The user part of a URI of the gateway's own that only it can have made: a prefix, what the gateway wants to be told
/// again in hexadecimal digits, a dot, and the hash of that under a key of the gateway. So it keeps no table, and a restart
/// forgets nobody.
enum OwnToken {
    /// The dot and the sixteen digits of the hash.
    private static let sealLength = 17

    /// Whether a user part begins like the tokens that stand in Record-Route and Path, genuine or not.
    static func isOfRoute(_ user: Span<UInt8>) -> Bool {
        for prefix in [SubscriptionToken.prefix, FlowToken.prefix] {
            let count = prefix.utf8CodeUnitCount
            if user.count > count, ASCII.equal(user.extracting(0..<count), prefix) { return true }
        }
        return false
    }

    /// The user part that is such a token, of this gateway by its host: in a request's topmost Route, or in its Request-URI
    /// after a strict router. No URI is taken apart whose first octets show that it has none.
    static func inRoute(of request: Message, settings: ControllerSettings) -> Slice? {
        for slice in [request.address(of: .route)?.uri, request.requestURI] {
            guard let slice else { continue }
            let text = request.octets(slice)
            guard let colon = (0..<min(text.count, "sips:".utf8.count)).first(where: { text[$0] == ASCII.colon }),
                isOfRoute(text.extracting(colon + 1..<text.count)),
                let uri = try? URI(in: request.bytes.span, slice), settings.isOwn(uri, in: request.bytes.span)
            else { continue }
            return uri.user
        }
        return nil
    }

    /// - Parameter context: what the token belongs to; it must be known again where the token is read.
    static func text(
        _ prefix: StaticString, _ content: [UInt8], context: [[UInt8]] = [], key: (UInt64, UInt64)
    ) -> [UInt8] {
        var text: [UInt8] = []
        text.append(literal: prefix)
        Hexadecimal.append(content.span, to: &text)
        text.append(ASCII.dot)
        text.appendHex(hash(content, context, key))
        return text
    }

    /// The content of a user part; nil when it is no token of this kind, gateway and context.
    static func content(
        _ text: Span<UInt8>, _ prefix: StaticString, context: [[UInt8]] = [], key: (UInt64, UInt64)
    ) -> [UInt8]? {
        let start = prefix.utf8CodeUnitCount
        let end = text.count - sealLength
        guard end > start, (end - start) % 2 == 0, ASCII.equal(text.extracting(0..<start), prefix),
            text[end] == ASCII.dot
        else { return nil }
        var content: [UInt8] = []
        content.reserveCapacity((end - start) / 2)
        for position in stride(from: start, to: end, by: 2) {
            guard let octet = UInt8(hexadecimal: text[position], text[position + 1]) else { return nil }
            content.append(octet)
        }
        var seal: [UInt8] = []
        seal.appendHex(hash(content, context, key))
        return ASCII.equal(text.extracting(end + 1..<text.count), seal.span) ? content : nil
    }

    private static func hash(_ content: [UInt8], _ context: [[UInt8]], _ key: (UInt64, UInt64)) -> UInt64 {
        var hash = SipHash(key: key)
        hash.add(content.span)
        // Each with its length, so that nothing moves from one into the next.
        for part in context {
            hash.add(UInt64(part.count))
            hash.add(part.span)
        }
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
