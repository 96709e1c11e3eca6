import CLinux
import Glibc

/// A network namespace of a test. It is deleted with the object; the name carries the process id, so that suites can
/// run side by side.
public final class Namespace: Sendable {
    /// The name, as `ip netns` lists it.
    public let name: String

    private static let prefix = "sekisho-test-"

    /// Creates the namespace, with its loopback interface up.
    ///
    /// - Parameter role: what it stands for, a few letters; with the process id it must be unique.
    public init(_ role: String) throws {
        Self.deleteLeftovers()
        name = "\(Self.prefix)\(getpid())-\(role)"
        try Command.output(["ip", "netns", "add", name])
        try Command.output(["ip", "-n", name, "link", "set", "lo", "up"])
    }

    deinit { Self.delete(name) }

    /// The name server of programs that are started in the namespace from now on.
    public func useNameServer(_ address: String) throws {
        try Command.output(["mkdir", "-p", Self.settings(of: name)])
        try TextFile.write(
            "nameserver \(address)\noptions timeout:1 attempts:2\n", to: "\(Self.settings(of: name))/resolv.conf")
    }

    /// What stands there takes the place of files in /etc (ip-netns(8)).
    private static func settings(of name: String) -> String { "/etc/netns/\(name)" }

    private static func delete(_ name: String) {
        _ = try? Command.run(["ip", "netns", "delete", name])
        // Made by `useNameServer` only, and empty but for its file.
        guard access(settings(of: name), F_OK) == 0 else { return }
        unlink("\(settings(of: name))/resolv.conf")
        rmdir(settings(of: name))
    }

    /// Runs the closure on a thread of its own inside the namespace. Sockets that it opens stay in the namespace and can
    /// be used from everywhere.
    public func run<Value>(_ body: () throws -> Value) throws -> Value {
        let path = "/run/netns/\(name)"
        var result: Result<Value, any Error> = .failure(Command.Failure(description: "thread did not run"))
        try withoutActuallyEscaping(body) { body in
            let job = Job {
                result = Result {
                    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
                    defer { close(descriptor) }
                    guard descriptor >= 0, CLinux_setns_net(descriptor) == 0 else {
                        throw Command.Failure(description: "cannot enter \(path): errno \(errno)")
                    }
                    return try body()
                }
            }
            try job.runOnThread()
        }
        return try result.get()
    }

    /// Runs a program inside the namespace; it must end with 0. Gives what it wrote.
    @discardableResult
    public func command(_ arguments: String...) throws -> String {
        try Command.output(["ip", "netns", "exec", name] + arguments)
    }

    /// Deletes the namespaces of test processes that were killed before they could clean up.
    private static func deleteLeftovers() {
        guard let directory = opendir("/run/netns") else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasPrefix(prefix),
                let owner = pid_t(name.dropFirst(prefix.count).prefix { $0 != "-" }),
                kill(owner, 0) != 0, errno == ESRCH
            else { continue }
            delete(name)
        }
    }
}

/// A closure on its way to a thread. The caller waits for the thread, so that nothing is shared at one time.
private final class Job {
    private let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }

    func runOnThread() throws {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Job>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, context)
        guard code == 0 else {
            Unmanaged<Job>.fromOpaque(context).release()
            throw Command.Failure(description: "pthread_create: errno \(code)")
        }
        pthread_join(thread, nil)
    }
}
