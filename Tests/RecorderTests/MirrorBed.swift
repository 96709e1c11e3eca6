import Glibc
import Testing

/// Two namespaces and the cable that packets are mirrored over; no address on the recorder's end.
///
///     gateway  gw0 10.9.0.1, fd00:9::1  ------  rec0  recorder
final class MirrorBed {
    let gateway: Namespace
    let recorder: Namespace
    /// Where files are made; removed in the end.
    let folder: String

    init() throws {
        gateway = try Namespace()
        recorder = try Namespace()
        var template = Array("/tmp/sekisho-recorder-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try gateway.run("ip link add gw0 type veth peer name rec0 netns \(recorder.process)")
        try recorder.run("ip link set rec0 up")
        for command in [
            "addr add 10.9.0.1/24 dev gw0", "addr add fd00:9::1/64 dev gw0 nodad", "link set gw0 up",
            // Nobody answers for the destinations: the frames go to an address of no card.
            "neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev gw0",
            "neigh add fd00:9::2 lladdr 02:00:00:00:00:02 dev gw0",
        ] { try gateway.run("ip \(command)") }
    }

    deinit {
        _ = try? Child.run(["rm", "-r", folder])
    }

    /// The program under test, in the recorder's namespace.
    ///
    /// - Parameter wrapper: a program that starts it, with its arguments.
    func record(_ arguments: [String], by wrapper: [String] = []) throws -> Child {
        try Child(recorder.enter + wrapper + [Self.program] + arguments)
    }

    /// The program under test: it lies beside the test bundle.
    private static var program: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex))/sekisho-recorderd"
    }
}
