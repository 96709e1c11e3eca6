import Glibc

/// The turn of one testbed on this machine: a lock on a file, given back with the object.
final class Turn {
    private static let path = "/run/sekisho-lab.lock"
    private let descriptor: Int32

    /// Waits for the turn.
    init() throws {
        descriptor = open(Self.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Command.Failure(description: "cannot open \(Self.path): errno \(errno)") }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw Command.Failure(description: "cannot lock \(Self.path): errno \(errno)") }
        }
    }

    deinit { close(descriptor) }
}
