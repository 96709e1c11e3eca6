import CLinux
import Configuration
import Glibc

/// Why the gate cannot start: what is missing and what to do, in one line.
struct StartError: Error {
    let description: String
}

/// The Unix socket that `sekishod` connects to, and the lock that makes this process the only gate on it.
final class Listener {
    /// Connections that wait to be accepted; more than the gate holds at all.
    private static let backlog: Int32 = 16

    let descriptor: Int32
    private let path: String
    private let lock: Int32
    private let claim: Int32

    /// Binds the socket; connections are refused until `listen` is called.
    ///
    /// - Parameter place: where the path stands in the configuration.
    init(path: String, _ place: Place) throws(StartError) {
        guard let (address, length) = UnixAddress.make(path) else {
            throw StartError(description: "the socket's path is too long: \(path)")
        }
        let lockPath = path + ".lock"
        let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else {
            throw StartError(description: place.unixSocketError(path, code: errno).description)
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw StartError(description: "another sekisho-gated runs on \(path); stop it first")
        }
        let claim: Int32
        do throws(StartError) {
            claim = try Self.claimNamespace()
        } catch {
            close(lock)
            throw error
        }
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        let code = UnixAddress.withPointer(to: address) { pointer -> Int32 in
            // A file that nobody listens on was left by a gate that was killed. Anything else is not ours to remove.
            if connect(descriptor, pointer, length) == 0 { return EADDRINUSE }
            if errno == ECONNREFUSED { unlink(path) }
            let mask = umask(0o117)
            defer { umask(mask) }
            return bind(descriptor, pointer, length) == 0 ? 0 : errno
        }
        guard code == 0 else {
            close(descriptor)
            close(lock)
            close(claim)
            throw StartError(description: place.unixSocketError(path, code: code).description)
        }
        self.descriptor = descriptor
        self.path = path
        self.lock = lock
        self.claim = claim
    }

    /// Takes a name that there is once in a network namespace, as there is one table (unix(7): abstract names belong to the
    /// network namespace): a second gate with another socket would replace the first one's table.
    private static func claimNamespace() throws(StartError) -> Int32 {
        guard let (address, length) = UnixAddress.make("@sekisho-gated") else {
            throw StartError(description: "the name of the namespace's lock is too long")
        }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard UnixAddress.withPointer(to: address, { bind(descriptor, $0, length) }) == 0 else {
            close(descriptor)
            throw StartError(
                description: "another sekisho-gated has table netdev sekisho in this network namespace; stop it first")
        }
        return descriptor
    }

    deinit {
        unlink(path)
        close(descriptor)
        close(lock)
        close(claim)
    }

    /// Lets connections in.
    func listen() throws(StartError) {
        guard Glibc.listen(descriptor, Self.backlog) == 0 else {
            throw StartError(description: "cannot listen on \(path): \(Self.reason)")
        }
    }

    /// The next connection with the user at its other end; nil when none waits.
    func accept() -> (descriptor: Int32, user: uid_t, process: pid_t)? {
        let descriptor = CLinux_accept(self.descriptor)
        guard descriptor >= 0 else { return nil }
        var user = uid_t.max
        var process: pid_t = 0
        guard CLinux_peer_credentials(descriptor, &user, &process) == 0 else {
            close(descriptor)
            return nil
        }
        return (descriptor, user, process)
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
