import Configuration
import Glibc

/// The key that the Contacts of phones registered outside are known by, in a file that outlives the process.
enum ContactKey {
    /// Octets of the key.
    private static let octets = 16

    /// Reads the key, or makes it when there is no file.
    ///
    static func contents(of path: String, _ place: Place) throws(ConfigurationError) -> (UInt64, UInt64) {
        if let key = try read(path, place) { return key }
        var random = SystemRandomNumberGenerator()
        let key = (random.next(), random.next())
        var octets = words(key)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw place.error("cannot be made: \(reason)", allowed: allowed) }
        defer { close(descriptor) }
        guard write(descriptor, &octets, octets.count) == octets.count, fsync(descriptor) == 0 else {
            throw place.error("cannot be written: \(reason)", allowed: allowed)
        }
        return key
    }

    private static let allowed = "a file of \(octets) octets, or one that can be made in its directory"

    private static func read(_ path: String, _ place: Place) throws(ConfigurationError) -> (UInt64, UInt64)? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw place.error("cannot be opened: \(reason)", allowed: allowed) }
            return nil
        }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: octets + 1)
        guard Glibc.read(descriptor, &buffer, buffer.count) == octets else {
            throw place.error("not \(octets) octets; remove it, and it is made anew", allowed: allowed)
        }
        var key: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            key.0 = key.0 << 8 | UInt64(buffer[index])
            key.1 = key.1 << 8 | UInt64(buffer[index + 8])
        }
        return key
    }

    private static func words(_ key: (UInt64, UInt64)) -> [UInt8] {
        [key.0, key.1].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
