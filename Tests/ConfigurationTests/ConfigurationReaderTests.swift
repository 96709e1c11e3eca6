import Configuration
import Glibc
import Testing

@Suite struct ConfigurationReaderTests {
    /// A file of its own for one test, removed afterwards.
    private func withFile(_ octets: [UInt8], _ body: (String) throws -> Void) throws {
        var template = Array("/tmp/sekisho-configuration-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        try #require(octets.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == octets.count)
        close(descriptor)
        try body(path)
    }

    @Test(arguments: ["gated", "sekishod"])
    func `The example files are good`(_ name: String) throws {
        var folders = #filePath.split(separator: "/")
        folders.removeLast(3)
        let path = "/\(folders.joined(separator: "/"))/docs/examples/\(name).yaml"
        switch name {
        case "gated": #expect(try ConfigurationReader.gateSettings(atPath: path).insideInterface == "lan0")
        default: #expect(try ConfigurationReader.proxySettings(atPath: path).name == "gw.example.net")
        }
    }

    @Test func `A file may have 1 MiB and not one octet more`() throws {
        let good = Array(GateSettingsTests.good.utf8)
        let filled = good + [UInt8](repeating: 0x0A, count: ConfigurationReader.maximumFileSize - good.count)
        try withFile(filled) { path in
            #expect(throws: Never.self) { try ConfigurationReader.gateSettings(atPath: path) }
        }
        try withFile(filled + [0x0A]) { path in
            let error = #expect(throws: ConfigurationError.self) { try ConfigurationReader.gateSettings(atPath: path) }
            #expect(error?.description == "\(path): the file is too long; allowed: at most 1048576 octets")
        }
    }

    @Test(arguments: [
        ("/nonexistent/gated.yaml", "cannot be read: No such file or directory"), ("/", "not a regular file"),
        ("/dev/zero", "not a regular file"),
    ])
    func `What is no file is refused`(_ path: String, _ problem: String) {
        let error = #expect(throws: ConfigurationError.self) { try ConfigurationReader.proxySettings(atPath: path) }
        #expect(error?.description == "\(path): \(problem)")
    }
}
