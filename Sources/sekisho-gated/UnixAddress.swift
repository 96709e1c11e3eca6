import CLinux
import Glibc

/// The address of a Unix socket.
enum UnixAddress {
    /// - Parameter path: a path, or a name of the abstract space with `@` for its first octet.
    /// - Returns: nil when the path is empty or too long.
    static func make(_ path: String) -> (address: sockaddr_un, length: socklen_t)? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var octets = Array(path.utf8)
        let isAbstract = octets.first == 0x40
        if isAbstract { octets[0] = 0 }
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard !octets.isEmpty, octets.count < room else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
        // A path ends with its zero; an abstract name is as long as the length says.
        let family = MemoryLayout.size(ofValue: address.sun_family)
        return (address, socklen_t(family + octets.count + (isAbstract ? 0 : 1)))
    }

    static func withPointer<Value>(to address: sockaddr_un, _ body: (UnsafePointer<sockaddr>) -> Value) -> Value {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
    }
}
