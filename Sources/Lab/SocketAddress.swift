public import CLinux
public import Glibc
public import Wire

/// An endpoint as bind(2) and sendto(2) take it.
public struct SocketAddress {
    private let endpoint: Endpoint

    /// The address of an endpoint.
    public init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    /// Lends the address to a system call.
    public func withPointer<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var octets: [UInt8] = []
        endpoint.address.appendOctets(to: &octets)
        if endpoint.address.isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = endpoint.port.bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: octets) }
            return withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: octets) }
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// The endpoint in a socket address of either family.
    public static func endpoint(_ storage: sockaddr_storage) -> Endpoint? {
        withUnsafeBytes(of: storage) { bytes in
            switch Int32(storage.ss_family) {
            case AF_INET:
                let address = bytes.loadUnaligned(as: sockaddr_in.self)
                let octets = withUnsafeBytes(of: address.sin_addr) { Array($0) }
                return IPAddress(octets: octets.span).map { Endpoint($0, UInt16(bigEndian: address.sin_port)) }
            case AF_INET6:
                let address = bytes.loadUnaligned(as: sockaddr_in6.self)
                let octets = withUnsafeBytes(of: address.sin6_addr) { Array($0) }
                return IPAddress(octets: octets.span).map { Endpoint($0, UInt16(bigEndian: address.sin6_port)) }
            default:
                return nil
            }
        }
    }
}
