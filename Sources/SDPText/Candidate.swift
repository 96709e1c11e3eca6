public import Wire

/// An address at which an ICE agent may be reached:
/// `a=candidate:<foundation> <component-id> <transport> <priority> <connection-address> <port> typ <cand-type> ...`
/// (RFC 8839 section 5.1).
public struct Candidate: Hashable, Sendable {
    /// 1 is RTP or whatever the stream carries, 2 is RTCP (RFC 8839 section 5.1).
    public let component: UInt8
    /// Where it is.
    public let endpoint: Endpoint
    /// Address and port as written, with what stands between them.
    let place: Range<Int>
}

extension Candidate {
    /// Reads an attribute's value; nil for a candidate that no hole can be for: not over UDP, by name (a `.local` one of a
    /// browser), of a component that RTP does not have, or malformed. Agents pass over what they do not know (RFC 8839
    /// section 5.1), and so does who looks on.
    init?(_ value: Range<Int>, in bytes: Span<UInt8>) {
        var fields = Fields(value, of: "a=candidate")
        guard let foundation = try? fields.next(in: bytes), !foundation.isEmpty,
            let componentField = try? fields.next(in: bytes),
            let component = try? bytes.decimal(componentField, upTo: 256, in: "a=candidate"),
            (1...2).contains(component),
            let transport = try? fields.next(in: bytes), ASCII.equalIgnoringCase(bytes.extracting(transport), "udp"),
            (try? fields.next(in: bytes)) != nil, let host = try? fields.next(in: bytes),
            let portField = try? fields.next(in: bytes),
            let port = try? bytes.decimal(portField, upTo: UInt64(UInt16.max), in: "a=candidate"), port > 0,
            let address = IPAddress(text: bytes.extracting(host))
        else { return nil }
        self.component = UInt8(component)
        endpoint = Endpoint(address, UInt16(port))
        place = host.lowerBound..<portField.upperBound
    }

    /// Address and port of any candidate, over whatever transport; nil for a name.
    static func endpoint(of value: Range<Int>, in bytes: Span<UInt8>) -> Endpoint? {
        var fields = Fields(value, of: "a=candidate")
        for _ in 0..<4 { guard (try? fields.next(in: bytes)) != nil else { return nil } }
        guard let host = try? fields.next(in: bytes), let address = IPAddress(text: bytes.extracting(host)),
            let field = try? fields.next(in: bytes),
            let port = try? bytes.decimal(field, upTo: UInt64(UInt16.max), in: "a=candidate")
        else { return nil }
        return Endpoint(address, UInt16(port))
    }

    /// Where `raddr` of a candidate and its `rport` stand (RFC 8839 section 5.1), and the address; nil where there is none, or
    /// a name.
    static func related(in value: Range<Int>, of bytes: Span<UInt8>) -> (address: IPAddress, place: Range<Int>)? {
        var fields = Fields(value, of: "a=candidate")
        for _ in 0..<6 { guard (try? fields.next(in: bytes)) != nil else { return nil } }
        while let name = try? fields.next(in: bytes), let field = try? fields.next(in: bytes) {
            guard bytes.equal(name, "raddr") else { continue }
            guard let address = IPAddress(text: bytes.extracting(field)) else { return nil }
            var end = field.upperBound
            if let next = try? fields.next(in: bytes), bytes.equal(next, "rport"),
                let port = try? fields.next(in: bytes)
            {
                end = port.upperBound
            }
            return (address, field.lowerBound..<end)
        }
        return nil
    }
}
