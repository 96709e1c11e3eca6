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
        let width: Int
        switch address {
        case .v4: width = 4
        case .v6: width = 16
        case .unixDomainSocket: return nil
        }
        let endpoint = address.withSockAddr { pointer, size -> Endpoint? in
            // struct sockaddr_in and sockaddr_in6 (<netinet/in.h>): the port stands at 2, the address at 4 and at 8.
            let octets = UnsafeRawBufferPointer(start: pointer, count: size)
            guard octets.count >= (width == 4 ? 8 : 24) else { return nil }
            let port = UInt16(bigEndian: octets.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
            guard width == 16 else {
                return Endpoint(.v4(UInt32(bigEndian: octets.loadUnaligned(fromByteOffset: 4, as: UInt32.self))), port)
            }
            let high = UInt64(bigEndian: octets.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            let low = UInt64(bigEndian: octets.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
            return Endpoint(IPAddress.v6(high, low).unmapped, port)
        }
        guard let endpoint else { return nil }
        self = endpoint
    }
}
