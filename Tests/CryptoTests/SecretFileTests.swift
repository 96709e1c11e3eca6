import Crypto
import Glibc
import Testing

@Suite struct SecretFileTests {
    private func withFile(_ count: Int, _ body: (String) throws -> Void) throws {
        var template = Array("/tmp/sekisho-secret-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            close(descriptor)
            unlink(path)
        }
        let octets = [UInt8](repeating: 0x41, count: count)
        try #require(write(descriptor, octets, count) == count)
        try body(path)
    }

    @Test func `a file of the longest length is read, one octet more is refused`() throws {
        try withFile(SecretBytes.maximumFileOctets) { path in
            let secret = try SecretBytes(contentsOf: path)
            let (count, last) = (secret.count, secret.bytes[secret.count - 1])
            #expect(count == SecretBytes.maximumFileOctets && last == 0x41)
        }
        try withFile(SecretBytes.maximumFileOctets + 1) { path in
            #expect(throws: CryptoError(.file, while: "", "")) { _ = try SecretBytes(contentsOf: path).count }
        }
    }

    @Test func `a file that is not there is named with the reason`() {
        do throws(CryptoError) {
            _ = try SecretBytes(contentsOf: "/nowhere/key.pem").count
            Issue.record("read")
        } catch {
            #expect(error.description.contains("/nowhere/key.pem: No such file or directory"))
        }
    }
}
