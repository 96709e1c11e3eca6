internal import Glibc

extension Place {
    /// The error of a Unix socket that could not be made.
    ///
    /// - Parameters:
    ///   - path: of the socket that stands here. The message repeats its directory, since that is what has to change.
    ///   - code: errno of what failed.
    public func unixSocketError(_ path: String, code: Int32) -> ConfigurationError {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let directory = parts.count < 2 ? "/" : ConfigurationError.printable(parts.joined(separator: "/"))
        let user = ProcessUser.name
        let allowed =
            "a path in a directory that user \(user) may write in; systemd-tmpfiles --create makes /run/sekisho"
        switch code {
        case ENOENT, ENOTDIR:
            return error("there is no directory \(directory)", allowed: allowed)
        case EACCES, EROFS:
            return error("user \(user) may not write in directory \(directory)", allowed: allowed)
        case EPERM:
            return error("what is there belongs to another user; remove it", allowed: allowed)
        case ENOTSOCK:
            return error("what is there is not a socket; remove it", allowed: allowed)
        case _:
            return error("cannot be made: \(String(cString: strerror(code)))", allowed: allowed)
        }
    }
}
