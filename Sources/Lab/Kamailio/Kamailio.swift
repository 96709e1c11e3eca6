import Glibc

/// A running Kamailio.
public final class Kamailio {
    /// The main process; its output has a line for each decision.
    public let child: Child

    /// Starts it, and waits until its processes are there.
    public init(_ name: String, _ settings: KamailioSettings, in namespace: Namespace, directory: String) throws {
        let file = "\(directory)/\(name).cfg"
        let folder = "\(directory)/\(name)"
        mkdir(folder, 0o700)
        try TextFile.write(settings.configuration, to: file)
        // -DD keeps the main process in the foreground, -M and -m are megabytes a process and shared.
        child = try Child(
            name,
            [
                "kamailio", "-DD", "-E", "-f", file, "-P", "\(folder)/pid", "-Y", folder, "-m", "32", "-M", "4",
            ], in: namespace, directory: directory)
        try waitUntilItListens(in: namespace)
    }

    deinit { stop() }

    /// Ends it with all of its processes: the main one ends the others, and what is left of its group is killed.
    public func stop() {
        child.stop()
        kill(-child.process, SIGKILL)
    }

    /// The lines that say what it decided, without what Kamailio puts before them.
    public var decisions: [String] {
        child.text.split(separator: "\n").compactMap { line in
            let line = String(line)
            return line.range(of: "route: ").map { String(line[$0.upperBound...]) }
        }
    }

    /// Kamailio says nothing when it is ready: its last process is the one that takes TCP connections.
    private func waitUntilItListens(in namespace: Namespace) throws {
        for _ in 0..<500 {
            guard child.isRunning else { break }
            if try namespace.command("ss", "-Hlnt", "sport", "=", ":5060").range(of: "LISTEN") != nil { return }
            usleep(20_000)
        }
        throw Command.Failure(description: "Kamailio does not listen; it wrote:\n\(child.text)")
    }
}
