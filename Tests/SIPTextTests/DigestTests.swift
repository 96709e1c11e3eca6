import SIPText
import Testing
import Wire

/// Digest credentials and challenges (RFC 7616, RFC 8760).
@Suite struct DigestTests {
    static let hash = String(repeating: "0123456789abcdef", count: 4)
    static let good =
        "Digest username=\"alice\", realm=\"example.net\", nonce=\"n1\", uri=\"sip:example.net\", "
        + "response=\"\(hash)\", algorithm=SHA-256, qop=auth, nc=0000001F, cnonce=\"c1\", opaque=\"\""

    /// What the parser makes of a value that stands somewhere in a buffer.
    private func read(_ text: String) -> Result<DigestCredentials, ParseError> {
        let octets = Array("xx\(text)yy".utf8)
        return Result { () throws(ParseError) in
            let span = octets.span
            return try DigestCredentials(in: span, Slice(2..<octets.count - 2))
        }
    }

    private func code(_ text: String) -> ParseError.Code? {
        switch read(text) {
        case .success: nil
        case .failure(let error): error.code
        }
    }

    @Test func `every parameter arrives`() throws {
        let credentials = try read(Self.good).get()
        let octets = Array("xx\(Self.good)yy".utf8)
        func text(_ slice: Slice) -> String { String(decoding: octets[slice.range], as: UTF8.self) }
        #expect(text(credentials.username) == "alice")
        #expect(text(credentials.realm) == "example.net")
        #expect(text(credentials.nonce) == "n1")
        #expect(text(credentials.uri) == "sip:example.net")
        #expect(text(credentials.response) == Self.hash)
        #expect(credentials.algorithm == .hash(.sha256))
        #expect(credentials.protection == .auth)
        #expect(text(credentials.nonceCount) == "0000001F")
        #expect(credentials.nonceCountValue == 31)
        #expect(text(credentials.clientNonce) == "c1")
    }

    @Test(arguments: [
        ("algorithm=SHA-256", "algorithm=\"sha-256\""), ("qop=auth", "qop=\"auth\""),
        ("nc=0000001F", "nc=\"0000001f\""),
        ("Digest ", "dIGEST\t "), (", ", ","), (", ", " \t, \r\n "), ("=", " = "), ("username", "USERNAME"),
        ("alice", "a\\\"l\\\\ice, x=\\\"y"), ("alice", "\u{E9}lise"), ("algorithm=SHA-256", "algorithm=SHA-512-256"),
        ("algorithm=SHA-256", "algorithm=MD5-sess"), ("opaque=\"\"", "opaque=\"\", userhash=false, x=y, z=\"q\""),
        ("qop=auth", "qop=auth-int"),
    ])
    func `what phones write is read`(old: String, new: String) {
        #expect(code(Self.good.replacing(old, with: new)) == nil)
    }

    @Test(
        arguments: [
            ("Digest", "Basic", .unsupported), ("Digest ", "Digest", .unsupported),
            ("username=\"alice\", ", "", .missing),
            ("realm=\"example.net\", ", "", .missing), ("nonce=\"n1\", ", "", .missing),
            ("uri=\"sip:example.net\", ", "", .missing), ("response", "responsf", .missing),
            (", cnonce=\"c1\"", "", .missing),
            (", nc=0000001F", "", .missing), ("qop=auth, ", "", .inconsistent), ("qop=auth", "qop=none", .unsupported),
            ("nc=0000001F", "nc=000001F", .badNumber), ("nc=0000001F", "nc=00000001F", .badNumber),
            ("nc=0000001F", "nc=0000001G", .badNumber), (Self.hash, String(Self.hash.dropLast()), .inconsistent),
            (Self.hash, Self.hash + "00", .inconsistent),
            (Self.hash, Self.hash.replacing("a", with: "g"), .unexpectedOctet),
            ("algorithm=SHA-256", "algorithm=MD5", .inconsistent), (", algorithm=SHA-256", "", .inconsistent),
            ("\"alice\"", "alice", .unexpectedOctet), ("\"n1\"", "n1", .unexpectedOctet), ("\"n1\"", "\"\"", .missing),
            ("\"alice\"", "\"\"", .missing), ("\"\"", "\"", .truncated), ("\"\"", "\"\\\"", .truncated),
            ("\"\"", "\"\",", .unexpectedOctet), ("realm", ",realm", .unexpectedOctet),
            ("realm=", "realm", .unexpectedOctet),
            (", realm", " realm", .unexpectedOctet), ("opaque", "REALM", .duplicate),
            ("opaque=\"\"", "x=1, X=1", .duplicate),
            ("opaque=\"\"", "userhash=true", .unsupported), ("opaque=\"\"", "username*=UTF-8''a", .unsupported),
        ] as [(String, String, ParseError.Code)])
    func `what could be read in two ways is refused`(old: String, new: String, fault: ParseError.Code) {
        #expect(code(Self.good.replacing(old, with: new, maxReplacements: 1)) == fault)
    }

    @Test func `without qop there is no count`() throws {
        let old = Self.good.replacing(", qop=auth, nc=0000001F, cnonce=\"c1\"", with: "")
        let credentials = try read(old).get()
        #expect(credentials.protection == .none)
        #expect(credentials.nonceCountValue == 0)
        #expect(credentials.nonceCount.isEmpty)
    }

    @Test func `each length is taken at its limit and not one octet further`() {
        func padded(_ old: String, _ count: Int) -> String {
            Self.good.replacing("\"\(old)\"", with: "\"\(String(repeating: "z", count: count))\"")
        }
        for old in ["alice", "example.net", "n1", "c1"] {
            #expect(code(padded(old, DigestLimits.textOctets)) == nil)
            #expect(code(padded(old, DigestLimits.textOctets + 1)) == .tooLong)
        }
        #expect(code(padded("sip:example.net", DigestLimits.uriOctets)) == nil)
        #expect(code(padded("sip:example.net", DigestLimits.uriOctets + 1)) == .tooLong)
        let rest = DigestLimits.valueOctets - Self.good.utf8.count - ", x=".utf8.count
        #expect(code(Self.good + ", x=" + String(repeating: "z", count: rest)) == nil)
        #expect(code(Self.good + ", x=" + String(repeating: "z", count: rest + 1)) == .tooLong)
        let more = (0..<DigestLimits.parameters - 10).map { ", x\($0)=1" }.joined()
        #expect(code(Self.good + more) == nil)
        #expect(code(Self.good + more + ", y=1") == .tooMany)
    }

    @Test func `damaged credentials are read or refused, and what is read lies within`() {
        var mutation = Mutation(random: SeededGenerator(seed: 7_616))
        var taken = 0
        for _ in 0..<20_000 {
            let octets = mutation.damage(Array(Self.good.utf8))
            let span = octets.span
            do throws(ParseError) {
                let credentials = try DigestCredentials(in: span, Slice(0..<octets.count))
                taken += 1
                for slice in [
                    credentials.username, credentials.realm, credentials.nonce, credentials.uri, credentials.response,
                    credentials.clientNonce, credentials.nonceCount,
                ] where slice.range.upperBound > octets.count || slice.range.lowerBound < 0 {
                    Issue.record("outside: \(String(decoding: octets, as: UTF8.self))")
                }
            } catch {
                if error.offset > octets.count + 1 { Issue.record("offset \(error.offset) of \(octets.count)") }
            }
        }
        #expect(taken > 500)
    }

    @Test func `a challenge names qop always, escapes its realm and says stale only when it is`() {
        let challenge = DigestChallenge(realm: Array("a \"b\\\"".utf8), nonce: Array("n1".utf8), hash: .sha256)
        #expect(
            String(decoding: challenge.value(), as: UTF8.self)
                == "Digest realm=\"a \\\"b\\\\\\\"\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"")
        let stale = DigestChallenge(realm: [0x61], nonce: [0x62], hash: .md5, isStale: true)
        #expect(
            String(decoding: stale.value(), as: UTF8.self)
                == "Digest realm=\"a\", nonce=\"b\", algorithm=MD5, qop=\"auth\", stale=true")
    }

    @Test(arguments: [("", ""), ("a\\\"b", "a\"b"), ("\\\\", "\\"), ("a\\", "a\\"), ("\\a", "a")])
    func `escapes of a quoted string are resolved`(quoted: String, plain: String) {
        let octets = Array(quoted.utf8)
        #expect(String(decoding: QuotedText.unescaped(octets.span), as: UTF8.self) == plain)
    }
}

/// URI comparison (RFC 3261 section 19.1.4, whose examples these are first of all).
@Suite struct URIEqualityTests {
    private func equal(_ a: String, _ b: String) -> Bool? {
        let (first, second) = (Reading(a), Reading(b))
        guard let left = first.uri, let right = second.uri else { return nil }
        let forth = left.isEquivalent(in: first.octets.span, to: right, in: second.octets.span)
        let back = right.isEquivalent(in: second.octets.span, to: left, in: first.octets.span)
        return forth == back ? forth : nil
    }

    @Test(arguments: [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
        ),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"), ("tel:1", "tel:1"), ("sip:a:p@h", "sip:a:p@h"),
    ])
    func `equivalent`(a: String, b: String) { #expect(equal(a, b) == true) }

    @Test(arguments: [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"), ("sip:a@h", "sips:a@h"),
        ("sip:a@h;maddr=1.2.3.4", "sip:a@h"), ("sip:a@h;ttl=1", "sip:a@h"), ("sip:a@h;user=phone", "sip:a@h"),
        ("sip:a:p@h", "sip:a:q@h"), ("sip:a:p@h", "sip:a@h"), ("sip:h", "sip:a@h"), ("tel:1", "tel:2"),
        ("sip:a@h;x=%41", "sip:a@h;x=B"), ("sip:a%@h", "sip:a@h"),
    ])
    func `different`(a: String, b: String) { #expect(equal(a, b) == false) }
}
