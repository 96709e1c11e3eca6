import FakeDigesting
import Registration
import SIPText
import SIPTransactions
import Testing
import Wire

/// Digest from the server's side: T8, and T7's rule that an unknown user costs what a known one does.
@Suite struct AuthenticatorTests {
    let contact = ["Contact: <sip:alice@192.0.2.1>"]

    private func answer(_ bench: Bench, _ credentials: String, _ register: Register? = nil) throws -> Message {
        try bench.response(
            to: bench.send(try (register ?? Register(contact)).message(["Authorization: " + credentials])))
    }

    @Test func `SHA-256 alone is offered, and MD5 after it when it is allowed`() throws {
        let strict = try Bench().answer401()
        #expect(strict.texts(.wwwAuthenticate).count == 1)
        #expect(strict.texts(.wwwAuthenticate)[0].contains("algorithm=SHA-256, qop=\"auth\""))
        let lenient = try Bench(md5: true).answer401().texts(.wwwAuthenticate)
        #expect(lenient.map { $0.contains("algorithm=MD5, ") } == [false, true])
    }

    /// Many phones give up at a challenge with a hash that they do not know, wherever it stands.
    @Test(arguments: [DigestHash.sha256, .md5])
    func `where MD5 alone is offered, SHA-256 is taken all the same`(hash: DigestHash) throws {
        let bench = try Bench(md5: true, sha256: false)
        let offered = try bench.answer401().texts(.wwwAuthenticate)
        #expect(offered.map { $0.contains("algorithm=MD5, ") } == [true])
        let credentials = Account().credentials(bench.digests, nonce: try bench.nonce(), hash: hash)
        #expect(try answer(bench, credentials).status == 200)
    }

    @Test(arguments: [(false, 401), (true, 200)])
    func `a client that knows only MD5 gets in where that is allowed`(allowed: Bool, status: UInt16) throws {
        let bench = try Bench(md5: allowed)
        for shown in ["MD5", nil] {
            var credentials = Account().credentials(bench.digests, nonce: try bench.nonce(), hash: .md5)
            credentials.replace(", algorithm=MD5", with: shown == nil ? "" : ", algorithm=md5")
            let register = Register(contact, sequence: shown == nil ? 2 : 1)
            let response = try answer(bench, credentials, register)
            #expect(response.status == status)
            #expect(!response.isStaleChallenge)
        }
    }

    @Test func `a user without an MD5 hash cannot use MD5, not even with the hash of nothing`() throws {
        let bench = try Bench(md5: true)
        var user = bench.user("alice")
        user.ha1MD5 = nil
        bench.registrar.replaceUsers([user])
        let credentials = Account().credentials(bench.digests, nonce: try bench.nonce(), hash: .md5)
        #expect(try answer(bench, credentials).status == 401)
    }

    @Test func `nc may skip and must grow: a replay gets a stale 401`() throws {
        let bench = try Bench()
        let nonce = try bench.nonce()
        var sequence: UInt32 = 0
        for (nc, status) in [(3, 200), (3, 401), (2, 401), (4, 200), (1, 401), (100, 200), (4, 401)]
            as [(UInt32, UInt16)]
        {
            sequence += 1
            let credentials = Account().credentials(bench.digests, nonce: nonce, nc: nc)
            let response = try answer(bench, credentials, Register(contact, sequence: sequence))
            #expect(response.status == status, "nc \(nc)")
            #expect(response.isStaleChallenge == (status == 401))
            #expect(response.nonce != nonce)
        }
        #expect(try answer(bench, Account().credentials(bench.digests, nonce: try bench.nonce(), nc: 0)).status == 401)
    }

    @Test func `a nonce is good for 60 seconds, and stale afterwards`() throws {
        let bench = try Bench()
        let nonce = try bench.nonce()
        bench.pass(.nanoseconds(59_999_999_999))
        #expect(try answer(bench, Account().credentials(bench.digests, nonce: nonce)).status == 200)
        bench.pass(.nanoseconds(1))
        let response = try answer(bench, Account().credentials(bench.digests, nonce: nonce, nc: 2))
        #expect(response.status == 401)
        #expect(response.isStaleChallenge)
        // A wrong password is a wrong password, whatever the nonce.
        let wrong = Account(password: "guess").credentials(bench.digests, nonce: nonce, nc: 2)
        #expect(!(try answer(bench, wrong)).isStaleChallenge)
    }

    @Test func `a nonce that was made elsewhere or altered is stale at most`() throws {
        let bench = try Bench()
        let nonce = try bench.nonce()
        let last = nonce.last == "0" ? "1" : "0"
        for forged in [
            String(nonce.dropLast()) + last, (nonce.first == "0" ? "1" : "0") + nonce.dropFirst(), nonce + "00",
            String(nonce.dropLast(2)), String(repeating: "g", count: 64), "x",
        ] {
            let response = try answer(bench, Account().credentials(bench.digests, nonce: forged))
            #expect(response.status == 401)
            #expect(response.isStaleChallenge)
        }
        #expect(bench.registrar.authenticator.rememberedNonces == 0)
    }

    @Test(arguments: [
        Account(password: "Secret-alice"), Account(name: "ALICE"), Account(name: "carol", password: "secret-carol"),
        Account(realm: "example.org"), Account(name: "", password: ""),
    ])
    func `wrong credentials get a challenge that is not stale`(account: Account) throws {
        let bench = try Bench()
        let credentials = account.credentials(
            bench.digests, nonce: try bench.nonce(), shownName: account.name.isEmpty ? "x" : nil)
        let response = try answer(bench, credentials)
        #expect(response.status == 401)
        #expect(!response.isStaleChallenge)
    }

    @Test func `an unknown user costs the same hashes over as many octets, and gets the same answer`() throws {
        let bench = try Bench()
        func cost(_ name: String) throws -> (calls: Int, octets: Int, response: Message) {
            let credentials = Account(name: name, password: "guess").credentials(
                bench.digests, nonce: try bench.nonce())
            let message = try Register(contact).message(["Authorization: " + credentials])
            let (calls, octets) = (bench.digests.calls, bench.digests.octets)
            let response = try bench.response(to: bench.send(message))
            return (bench.digests.calls - calls, bench.digests.octets - octets, response)
        }
        let (known, unknown) = (try cost("alice"), try cost("carol"))
        #expect(known.calls == unknown.calls)
        #expect(known.octets == unknown.octets)
        #expect(known.response.reason == unknown.response.reason)
        #expect(known.response.fields.count == unknown.response.fields.count)
        #expect(known.response.serialized().count == unknown.response.serialized().count)
    }

    @Test(arguments: [
        ("sip:example.net", 200), ("sip:EXAMPLE.net;transport=tcp", 200), ("sip:example.org", 403),
        ("sip:bob@example.net", 403), ("sips:example.net", 403), ("sip:example.net:5060", 403), ("/", 403),
    ])
    func `credentials count for the Request-URI they were made for`(uri: String, status: UInt16) throws {
        let bench = try Bench()
        let credentials = Account().credentials(bench.digests, nonce: try bench.nonce(), uri: uri)
        #expect(try answer(bench, credentials).status == status)
    }

    @Test func `credentials count for their method`() throws {
        let bench = try Bench()
        let credentials = Account().credentials(bench.digests, nonce: try bench.nonce(), method: "INVITE")
        #expect(try answer(bench, credentials).status == 401)
    }

    @Test func `auth-int protects the body`() throws {
        let bench = try Bench()
        var register = Register(contact)
        register.body = "body"
        let good = Account().credentials(bench.digests, nonce: try bench.nonce(), qop: "auth-int", body: "body")
        #expect(try answer(bench, good, register).status == 200)
        register.sequence = 2
        let bad = Account().credentials(bench.digests, nonce: try bench.nonce(), qop: "auth-int", body: "other")
        #expect(try answer(bench, bad, register).status == 401)
    }

    @Test func `credentials without qop are challenged, those that cannot be read are answered 400`() throws {
        let bench = try Bench()
        let old = Account().credentials(bench.digests, nonce: try bench.nonce(), qop: nil)
        #expect(try answer(bench, old).status == 401)
        let good = Account().credentials(bench.digests, nonce: try bench.nonce())
        #expect(try answer(bench, good + ", nc=00000001").status == 400)
        #expect(try answer(bench, "Digest").status == 400)
        #expect(try answer(bench, good + "\r\nAuthorization: " + good).status == 400)
        #expect(try answer(bench, "Basic YTpi").status == 401)
        let elsewhere = "Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"00\", algorithm=X"
        #expect(try answer(bench, "Basic YTpi\r\nAuthorization: \(elsewhere)\r\nAuthorization: " + good).status == 200)
    }

    @Test func `a request may have 8 sets of credentials and not one more`() throws {
        let bench = try Bench()
        let good = Account().credentials(bench.digests, nonce: try bench.nonce())
        let others = String(repeating: "Basic x\r\nAuthorization: ", count: RegistrationLimits.credentials)
        #expect(try answer(bench, others + good).status == 400)
        let fewer = String(repeating: "Basic x\r\nAuthorization: ", count: RegistrationLimits.credentials - 1)
        #expect(try answer(bench, fewer + good).status == 200)
    }

    @Test func `a proxy asks by 407 and Proxy-Authorization, and a nonce counts once in both`() throws {
        let bench = try Bench()
        var register = Register()
        register.method = "INVITE"
        register.uri = "sip:bob@example.net"
        let bare = try register.message()
        let response = bench.registrar.authenticator.challenge(bare, .proxyAuthorization, stale: false, at: bench.now)
        #expect(response.status == 407)
        let credentials = Account().credentials(
            bench.digests, nonce: try #require(response.nonce), method: "INVITE", uri: register.uri)
        let wrongField = try register.message(["Authorization: " + credentials])
        let request = try register.message(["Proxy-Authorization: " + credentials])
        #expect(
            bench.verify(wrongField, .proxyAuthorization)
                == .challenge(stale: false))
        #expect(
            bench.verify(request, .proxyAuthorization)
                == .authenticated(user: Array("alice".utf8)))
        #expect(
            bench.verify(wrongField, .authorization) == .challenge(stale: true))
    }

    @Test func `hashes that fail authenticate nobody`() throws {
        let bench = try Bench(md5: true)
        let nonce = try bench.nonce()
        bench.digests.isBroken = true
        for response in ["", String(repeating: "0", count: 64)] {
            let credentials =
                "Digest username=\"alice\", realm=\"example.net\", nonce=\"\(nonce)\", uri=\"sip:example.net\", "
                + "response=\"\(response)\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"c\""
            let status = try answer(bench, credentials).status
            #expect(status == (response.isEmpty ? 400 : 401))
        }
    }

    @Test func `descriptions of a user show the name and no hash`() {
        let hash = [UInt8](repeating: 0xAB, count: 32)
        let user = RegisteredUser(name: Array("alice".utf8), ha1SHA256: hash, ha1MD5: hash)
        var dumped = ""
        dump(user, to: &dumped)
        for text in ["\(user)", String(reflecting: user), dumped, String(describing: [user])] {
            #expect(text.contains("user alice"))
            #expect(!text.contains("171") && !text.contains("ab"))
        }
    }
}

extension Bench {
    func answer401() throws -> Message { try response(to: send(try Register().message())) }
}
