public import NIOCore
public import Wire

extension SocketAddress {
    /// The address that the system calls want.
    public init(_ endpoint: Endpoint) throws {
        var octets: [UInt8] = []
        endpoint.address.appendOctets(to: &octets)
        try self.init(packedIPAddress: ByteBuffer(bytes: octets), port: Int(endpoint.port))
    }
}

extension Endpoint {
    /// Nil for an address of another family than IPv4 and IPv6. A mapped address is what it maps.
    public init?(_ address: SocketAddress) {
        // Where the address stands in struct sockaddr_in and sockaddr_in6 (<netinet/in.h>).
        let place: Range<Int>
        switch address {
        case .v4: place = 4..<8
        case .v6: place = 8..<24
        case .unixDomainSocket: return nil
        }
        let ip = address.withSockAddr { pointer, size -> IPAddress? in
            let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
            guard bytes.count >= place.upperBound else { return nil }
            let octets = Array(bytes[place])
            return IPAddress(octets: octets.span)
        }
        guard let ip, let port = address.port else { return nil }
        self.init(ip.unmapped, UInt16(truncatingIfNeeded: port))
    }
}
