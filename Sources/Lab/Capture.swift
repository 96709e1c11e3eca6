import Glibc

/// Everything that passes one interface, as an eavesdropper there sees it: tcpdump into a file.
public final class Capture {
    private let child: Child
    private let path: String

    /// Starts tcpdump on an interface of a namespace and waits until it listens.
    public init(
        _ name: String, on interface: String, in namespace: Namespace, directory: String, diesWithStarter: Bool = false
    ) throws {
        path = "\(directory)/\(name).pcap"
        child = try Child(
            name, ["tcpdump", "-i", interface, "-U", "-s", "0", "-n", "-Z", "root", "-w", path], in: namespace,
            directory: directory, diesWithStarter: diesWithStarter)
        try child.expect("listening on")
    }

    /// Ends the capture and gives its octets.
    public func stop() throws -> [UInt8] {
        // What the kernel still holds is written within one turn of tcpdump's buffer.
        usleep(200_000)
        child.signal(SIGINT)
        _ = child.wait(seconds: 5)
        guard let file = fopen(path, "r") else { throw Command.Failure(description: "no capture at \(path)") }
        defer { fclose(file) }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return octets }
            octets += chunk[..<count]
        }
    }

    /// Whether application data of TLS 1.2 or 1.3 stands in octets: the head of such a record (RFC 8446 section 5.2).
    public static func containsTLS(in octets: [UInt8]) -> Bool {
        octets.indices.dropLast(2).contains { octets[$0] == 23 && octets[$0 + 1] == 3 && octets[$0 + 2] == 3 }
    }

    /// Whether a text stands in octets.
    public static func contains(_ text: String, in octets: [UInt8]) -> Bool {
        let needle = Array(text.utf8)
        guard let first = needle.first, octets.count >= needle.count else { return false }
        for start in 0...(octets.count - needle.count) where octets[start] == first {
            if octets[start..<start + needle.count].elementsEqual(needle) { return true }
        }
        return false
    }
}
