import Glibc

/// The turn of one testbed on this machine: a lock on a file, given back with the object.
final class Turn {
    private static let path = "/run/sekisho-lab.lock"
    /// How long a turn is waited for: longer than all testbeds of one run take together.
    private static let patienceSeconds = 900
    private let descriptor: Int32

    /// Waits for the turn.
    ///
    /// - Parameter pause: lets a fiftieth of a second go by between two looks; what it throws ends the wait.
    init(pause: () throws -> Void) throws {
        descriptor = open(Self.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Command.Failure(description: "cannot open \(Self.path): errno \(errno)") }
        for _ in 0..<Self.patienceSeconds * 50 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            try pause()
        }
        throw Command.Failure(
            description: "no turn in \(Self.patienceSeconds) s: another test or demonstration holds \(Self.path)")
    }

    deinit { close(descriptor) }
}
