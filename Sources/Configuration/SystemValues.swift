internal import Wire

/// Paths, interfaces and users of the machine as values of a configuration file.
extension Field {
    /// An absolute path.
    func absolutePath() throws(ConfigurationError) -> String {
        let allowed = "an absolute path"
        let path = try text(allowed)
        guard path.hasPrefix("/") else { throw error("not an absolute path", allowed: allowed) }
        guard path.utf8.count <= Self.maximumPathLength else {
            throw error("too long for a path", allowed: "at most \(Self.maximumPathLength) octets")
        }
        return path
    }

    /// PATH_MAX of limits.h without the closing NUL.
    static let maximumPathLength = 4095

    /// The path of a Unix socket.
    func socketPath() throws(ConfigurationError) -> String {
        let path = try absolutePath()
        guard path.utf8.count <= Self.maximumSocketPathLength else {
            throw error("too long for a socket", allowed: "at most \(Self.maximumSocketPathLength) octets")
        }
        return path
    }

    /// `sun_path` of unix(7) has 108 octets, one of them the closing NUL.
    static let maximumSocketPathLength = 107

    /// The name of a network interface, by the kernel's rule (dev_valid_name) and without what a shell or nft would
    /// read otherwise.
    func interfaceName() throws(ConfigurationError) -> String {
        let allowed = "1 to \(Self.maximumInterfaceNameLength) letters, digits and . _ - @"
        let name = try text(allowed)
        guard name.utf8.count <= Self.maximumInterfaceNameLength, name != ".", name != "..",
            name.utf8.allSatisfy({ ASCII.isAlpha($0) || ASCII.isDigit($0) || [0x2E, 0x5F, 0x2D, 0x40].contains($0) })
        else { throw error("not an interface name", allowed: allowed) }
        return name
    }

    /// IFNAMSIZ of linux/if.h without the closing NUL.
    static let maximumInterfaceNameLength = 15

    /// A user by name or by number.
    func user() throws(ConfigurationError) -> User {
        let allowed = "a user name or a user number"
        let text = try text(allowed)
        if text.utf8.allSatisfy(ASCII.isDigit) {
            // (uid_t)-1 means "no user" to the kernel.
            return .number(UInt32(truncatingIfNeeded: try number(0...Int(UInt32.max) - 1)))
        }
        guard text.utf8.count <= Self.maximumUserNameLength,
            text.utf8.allSatisfy({ ASCII.isAlpha($0) || ASCII.isDigit($0) || [0x2E, 0x5F, 0x2D].contains($0) }),
            text.utf8.first != ASCII.hyphen
        else { throw error("not a user", allowed: allowed) }
        return .name(text)
    }

    /// UT_NAMESIZE of utmp.h, which useradd(8) keeps to.
    static let maximumUserNameLength = 32
}
