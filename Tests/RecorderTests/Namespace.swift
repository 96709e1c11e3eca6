import CLinux
import Glibc
import Testing

/// A network namespace that lives as long as this process: a child holds it that ends when its input does.
final class Namespace {
    private let holder: Child

    init() throws {
        holder = try Child(["unshare", "--net", "cat"])
        // Once the line has come back the child is in its namespace.
        try holder.write("there\n")
        try #require(holder.reads(until: "there\n"), "\(holder.text)")
    }

    var process: pid_t { holder.process }

    /// The words that make the command after them run in here.
    var enter: [String] { ["nsenter", "--target", "\(holder.process)", "--net"] }

    @discardableResult
    func run(_ command: String) throws -> String {
        try Child.run(enter + command.split(separator: " ").map(String.init))
    }

    /// Runs the body on a thread of its own in here; a socket made there stays there.
    func onThread(_ body: @escaping @Sendable () -> Int32) throws -> Int32 {
        let job = Job(namespace: "/proc/\(holder.process)/ns/net", body)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(job).toOpaque())
        try #require(result == 0)
        pthread_join(thread, nil)
        return job.result
    }

    private final class Job {
        private let namespace: String
        private let body: @Sendable () -> Int32
        private(set) var result: Int32 = -1

        init(namespace: String, _ body: @escaping @Sendable () -> Int32) {
            self.namespace = namespace
            self.body = body
        }

        func run() {
            let descriptor = open(namespace, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return }
            defer { close(descriptor) }
            if CLinux_setns_net(descriptor) == 0 { result = body() }
        }
    }
}
