import Crypto
import Registration
import SIPText
import Testing
import Wire

/// Digest with real hashes, against the vectors of the standards.
@Suite struct DigestAuthenticationTests {
    private func hex(_ octets: [UInt8]) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func hash(_ text: String, _ append: (Span<UInt8>, inout [UInt8]) -> Void) -> String {
        let octets = Array(text.utf8)
        var output: [UInt8] = []
        append(octets.span, &output)
        return hex(output)
    }

    @Test func `the hashes are those of their standards, again and again`() throws {
        let digests = try LibcryptoDigests()
        let key = [UInt8](repeating: 0x0B, count: 20)
        for _ in 0..<3 {
            // FIPS 180-4, RFC 1321 appendix A.5, RFC 4231 test case 1.
            #expect(
                hash("abc") { digests.append(sha256: $0, to: &$1) }
                    == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
            #expect(
                hash("") { digests.append(sha256: $0, to: &$1) }
                    == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
            #expect(hash("message digest") { digests.append(md5: $0, to: &$1) } == "f96b697d7cb7938d525a2f31aaf161d0")
            #expect(
                hash("Hi There") { digests.append(hmacSHA256: $0, key: key.span, to: &$1) }
                    == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        }
        let nothing: [UInt8] = []
        #expect(hash("x") { digests.append(hmacSHA256: $0, key: nothing.span, to: &$1) } == "")
    }

    /// The example of RFC 7616 section 3.9.1. Its nonce is not ours and its URI is not a request's here, so what shows that
    /// the response was found right is the 403 for the URI; a wrong response is challenged before that.
    @Test(arguments: [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ])
    func `the example of RFC 7616 section 3.9.1`(algorithm: String, response: String) throws {
        let digests = try LibcryptoDigests()
        let realm = Array("http-auth@example.org".utf8)
        let password = Array("Circle of Life".utf8)
        var authenticator = DigestAuthenticator(
            realm: realm, allowsMD5: true, key: try SecretBytes.nonceKey(), digests: digests)
        authenticator.replaceUsers([
            RegisteredUser(
                name: Array("Mufasa".utf8), realm: realm, password: password.span, keepsMD5: true, digests: digests)
        ])
        func verdict(_ response: String, method: String = "GET") throws -> AuthenticationVerdict {
            let text = """
                \(method) sip:example.org SIP/2.0\r
                Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r
                From: <sip:a@example.org>;tag=1\r
                To: <sip:a@example.org>\r
                Call-ID: 1\r
                CSeq: 1 \(method)\r
                Max-Forwards: 70\r
                Authorization: Digest username="Mufasa",\r
                 realm="http-auth@example.org",\r
                 uri="/dir/index.html",\r
                 algorithm=\(algorithm),\r
                 nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",\r
                 nc=00000001,\r
                 cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",\r
                 qop=auth,\r
                 response="\(response)",\r
                 opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"\r
                \r\n
                """
            guard case .message(let message) = MessageParser.parse(Array(text.utf8)) else {
                Issue.record("not read: \(text)")
                return .forbidden
            }
            return authenticator.verify(message, .authorization, at: MonotonicTime(nanoseconds: 0))
        }
        #expect(try verdict(response) == .forbidden)
        #expect(try verdict(response.uppercased()) == .forbidden)
        #expect(try verdict(response, method: "PUT") == .challenge(stale: false))
        for index in [0, response.count - 1] {
            var digits = Array(response)
            digits[index] = digits[index] == "0" ? "1" : "0"
            #expect(try verdict(String(digits)) == .challenge(stale: false))
        }
    }

    @Test func `keys of nonces are random`() throws {
        let (a, b) = (try SecretBytes.nonceKey(), try SecretBytes.nonceKey())
        #expect(a.count == 32 && a != b)
    }
}
