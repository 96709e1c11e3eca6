import CLinux
import Glibc
import Testing

/// Two namespaces and the cable that packets are mirrored over; no address on the recorder's end.
///
///     gateway  gw0 10.9.0.1, fd00:9::1  ------  rec0  recorder
final class MirrorBed {
    let gateway: String
    let recorder: String
    /// Where files are made; removed with the namespaces.
    let folder: String

    init(_ name: String) throws {
        gateway = "sekisho-\(getpid())-\(name)-g"
        recorder = "sekisho-\(getpid())-\(name)-r"
        var template = Array("/tmp/sekisho-recorder-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for command in [
            "ip netns add \(gateway)", "ip netns add \(recorder)",
            "ip -n \(gateway) link add gw0 type veth peer name rec0 netns \(recorder)",
            "ip -n \(gateway) addr add 10.9.0.1/24 dev gw0", "ip -n \(gateway) addr add fd00:9::1/64 dev gw0 nodad",
            "ip -n \(recorder) link set rec0 up", "ip -n \(gateway) link set gw0 up",
            // Nobody answers for the destinations: the frames go to an address of no card.
            "ip -n \(gateway) neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev gw0",
            "ip -n \(gateway) neigh add fd00:9::2 lladdr 02:00:00:00:00:02 dev gw0",
        ] { try Child.run(command) }
    }

    deinit {
        for namespace in [gateway, recorder] { _ = try? Child.run("ip netns del \(namespace)") }
        _ = try? Child.run(["rm", "-r", folder])
    }

    /// The program under test, in the recorder's namespace.
    func recorder(_ arguments: [String]) throws -> Child {
        try Child(["ip", "netns", "exec", recorder, Self.program] + arguments)
    }

    /// The program under test: it lies beside the test bundle.
    static var program: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))/sekisho-recorderd"
    }

    /// Runs the body on a thread of its own in the gateway's namespace; a socket made there stays there.
    func inGateway(_ body: @escaping @Sendable () -> Int32) throws -> Int32 {
        let job = Job(namespace: "/run/netns/\(gateway)", body)
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
