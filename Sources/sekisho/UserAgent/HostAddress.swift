import Glibc
import Wire

/// Addresses of other hosts, and the own address that they are reached from.
enum HostAddress {
    /// An address as it stands, or what the system's resolver knows of a name.
    static func resolve(_ host: String, like local: IPAddress?) throws -> IPAddress {
        if let address = IPAddress(host) { return address }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        if let local { hints.ai_family = local.isIPv6 ? AF_INET6 : AF_INET }
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0, let list else {
            throw UserAgentError(
                description: "\(host) is not known: \(String(cString: gai_strerror(code))); give an address instead")
        }
        defer { freeaddrinfo(list) }
        guard let address = list.pointee.ai_addr.flatMap(read) else {
            throw UserAgentError(description: "\(host) has no IPv4 or IPv6 address")
        }
        return address
    }

    /// The own address that packets to a host leave from, by the routing table; nothing is sent.
    static func local(toward remote: Endpoint) throws -> IPAddress {
        let family = remote.address.isIPv6 ? AF_INET6 : AF_INET
        let file = socket(family, Int32(SOCK_DGRAM.rawValue), 0)
        guard file >= 0 else { throw FileError("\(remote)", "socket", errno) }
        defer { close(file) }
        var storage = sockaddr_storage()
        let size = fill(&storage, remote)
        let connected = withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(file, $0, size) }
        }
        guard connected == 0 else { throw FileError("\(remote)", "connect", errno) }
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let address = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> IPAddress? in
                getsockname(file, pointer, &length) == 0 ? read(pointer) : nil
            }
        }
        guard let address else {
            throw UserAgentError(description: "no own address toward \(remote); give one with --bind")
        }
        return address
    }

    private static func fill(_ storage: inout sockaddr_storage, _ endpoint: Endpoint) -> socklen_t {
        var octets: [UInt8] = []
        endpoint.address.appendOctets(to: &octets)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            // Where the fields stand: <netinet/in.h>. The port only has to be one.
            let family = endpoint.address.isIPv6 ? AF_INET6 : AF_INET
            bytes.storeBytes(of: sa_family_t(family), as: sa_family_t.self)
            bytes.storeBytes(of: max(endpoint.port, 1).bigEndian, toByteOffset: 2, as: UInt16.self)
            let place = endpoint.address.isIPv6 ? 8 : 4
            for (index, octet) in octets.enumerated() { bytes[place + index] = octet }
            return socklen_t(
                endpoint.address.isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        }
    }

    private static func read(_ pointer: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
        let raw = UnsafeRawPointer(pointer)
        let place: Range<Int>
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET: place = 4..<8
        case AF_INET6: place = 8..<24
        default: return nil
        }
        let octets = place.map { raw.load(fromByteOffset: $0, as: UInt8.self) }
        return IPAddress(octets: octets.span)
    }
}
