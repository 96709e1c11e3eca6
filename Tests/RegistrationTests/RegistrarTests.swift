import Registration
import SIPText
import Testing
import Wire

@Suite struct RegistrarTests {
    static let a = "Contact: <sip:alice@192.0.2.1>"
    static let b = "Contact: <sip:alice@192.0.2.2:5070;transport=tcp>;q=0.5"

    @Test func `a registration is confirmed with what was granted, and looked up`() throws {
        let bench = try Bench()
        let response = try bench.answer(Register([Self.a, Self.b, "Expires: 600"]))
        #expect(response.status == 200)
        #expect(
            response.texts(.contact) == [
                "<sip:alice@192.0.2.1>;expires=600", "<sip:alice@192.0.2.2:5070;transport=tcp>;q=0.500;expires=600",
            ])
        #expect(response.tag(of: .to) != nil)
        #expect(try bench.contacts() == ["sip:alice@192.0.2.1", "sip:alice@192.0.2.2:5070;transport=tcp"])
        #expect(try bench.contacts("sips:%61lice@EXAMPLE.net:5061;user=phone") == bench.contacts())
        #expect(try bench.contacts("sip:Alice@example.net").isEmpty)
    }

    @Test func `nothing is confirmed or looked up before it is stored`() throws {
        let bench = try Bench()
        let actions = try bench.send(Register([Self.a]))
        guard case .store(let token, let change) = try #require(actions.first), actions.count == 1 else {
            Issue.record("\(actions)")
            return
        }
        #expect(change.bindings.map(\.contact) == [Array("sip:alice@192.0.2.1".utf8)])
        #expect(try bench.contacts().isEmpty)
        let response = try bench.response(to: bench.stored(token))
        #expect(response.status == 200)
        #expect(try bench.contacts() == ["sip:alice@192.0.2.1"])
        #expect(bench.stored(token).isEmpty)
    }

    @Test func `a change that cannot be stored is answered 503 and changes nothing`() throws {
        let bench = try Bench()
        _ = try bench.answer(Register([Self.a]))
        let response = try bench.response(to: try bench.send(Register([Self.b], sequence: 2)), storing: false)
        #expect(response.status == 503)
        #expect(response.texts(.retryAfter) == ["5"])
        #expect(try bench.contacts() == ["sip:alice@192.0.2.1"])
    }

    @Test func `REGISTERs of one user are stored one after another, and no more than a few wait`() throws {
        let bench = try Bench()
        let first = try bench.send(Register([Self.a]))
        guard case .store(let token, _) = first[0] else {
            Issue.record("\(first)")
            return
        }
        for number in 0..<RegistrationLimits.waitingForStore {
            let line = "Contact: <sip:alice@192.0.2.\(10 + number)>"
            #expect(try bench.send(Register([line], sequence: UInt32(2 + number))).isEmpty)
        }
        #expect(try bench.response(to: bench.send(Register([Self.b], sequence: 9))).status == 503)
        #expect(
            try bench.response(to: bench.send(Register(), as: Account(name: "bob", password: "secret-bob"))).status
                == 403)
        var actions = bench.stored(token)
        var answered: [Int] = []
        while !actions.isEmpty {
            switch actions.removeFirst() {
            case .respond(let response, let reference):
                #expect(response.status == 200)
                answered.append(reference)
            case .store(let token, _): actions += bench.stored(token)
            }
        }
        #expect(answered == [1, 2, 3, 4, 5])
        #expect(try bench.contacts().count == 5)
    }

    @Test func `no more than the stated number of users is being stored at a time`() throws {
        let bench = try Bench()
        let names = (0...RegistrationLimits.pendingStores).map { "u\($0)" }
        bench.registrar.replaceUsers(names.map(bench.user))
        for (index, name) in names.enumerated() {
            var register = Register([Self.a])
            register.to = "sip:\(name)@example.net"
            register.from = register.to
            let actions = try bench.send(register, as: Account(name: name, password: "secret-\(name)"))
            switch actions[0] {
            case .store: #expect(index < RegistrationLimits.pendingStores)
            case .respond(let response, _):
                #expect(index == RegistrationLimits.pendingStores)
                #expect(response.status == 503)
            }
        }
    }

    @Test func `without Contact the bindings are listed and nothing is stored`() throws {
        let bench = try Bench()
        _ = try bench.answer(Register([Self.a, "Expires: 600"]))
        bench.pass(.seconds(100))
        let response = try bench.answer(Register(sequence: 2))
        #expect(response.texts(.contact) == ["<sip:alice@192.0.2.1>;expires=500"])
        #expect(bench.stored.count == 1)
    }

    @Test func `a binding ends when its time is over`() throws {
        let bench = try Bench()
        _ = try bench.answer(Register([Self.a, "Expires: 60"]))
        bench.pass(.nanoseconds(59_999_999_999))
        #expect(try bench.contacts().count == 1)
        bench.pass(.nanoseconds(1))
        #expect(try bench.contacts().isEmpty)
        #expect(bench.registrar.registered == 1)
        bench.registrar.removeEnded(at: bench.now)
        #expect(bench.registrar.registered == 0)
    }

    @Test(arguments: [
        ([Self.a], 3_600), ([Self.a, "Expires: 61"], 61), ([Self.a + ";expires=99", "Expires: 61"], 99),
        ([Self.a, "Expires: 7201"], 7_200), ([Self.a, "Expires: 4294967295"], 7_200), ([Self.a, "Expires: 60"], 60),
        // What cannot be read says nothing (RFC 3261 section 10.2.1.1).
        ([Self.a, "Expires: 4294967296"], 3_600), ([Self.a, "Expires: soon"], 3_600),
        ([Self.a + ";expires=\"Sat, 01 Dec\"", "Expires: 61"], 61), ([Self.a + ";expires=-1"], 3_600),
    ])
    func `the contact's expires counts, then Expires, then the default, within the bounds`(
        lines: [String], seconds: Int
    ) throws {
        let bench = try Bench()
        #expect(
            try bench.answer(Register(lines)).texts(.contact) == ["<sip:alice@192.0.2.1>;expires=\(seconds)"])
    }

    @Test(arguments: [["Expires: 59"], ["Expires: 1"]])
    func `an interval that is too brief is answered 423 with the least`(lines: [String]) throws {
        let bench = try Bench()
        for contact in [Self.a, Self.b + ", <sip:alice@192.0.2.9>"] {
            let response = try bench.answer(Register([contact] + lines))
            #expect(response.status == 423)
            #expect(response.texts(.minExpires) == ["60"])
        }
        #expect(try bench.contacts().isEmpty)
    }

    @Test func `Expires 0 removes what it names and nothing else`() throws {
        let bench = try Bench()
        _ = try bench.answer(Register([Self.a, Self.b]))
        let response = try bench.answer(
            Register(["Contact: <sip:%61lice@192.0.2.1>;expires=0, <sip:never@192.0.2.3>;expires=0"], sequence: 2))
        #expect(response.texts(.contact).count == 1)
        #expect(try bench.contacts() == ["sip:alice@192.0.2.2:5070;transport=tcp"])
    }

    @Test func `Contact star removes everything, with Expires 0 only`() throws {
        let bench = try Bench()
        _ = try bench.answer(Register([Self.a, Self.b]))
        for lines in [
            ["Contact: *"], ["Contact: *", "Expires: 60"], ["Contact: *", "Expires: 00x"], ["Contact: *;expires=0"],
            ["Contact: *", "Expires: 0", Self.a], ["Contact: *, *", "Expires: 0"], ["Contact: <*>", "Expires: 0"],
            ["Contact: *", "Expires: 0", "Expires: 0"],
        ] {
            #expect(try bench.answer(Register(lines, sequence: 9)).status == 400, "\(lines)")
            #expect(try bench.contacts().count == 2)
        }
        #expect(try bench.answer(Register(["Contact: *", "Expires: 0"], sequence: 9)).status == 200)
        #expect(try bench.contacts().isEmpty)
        #expect(bench.stored.last?.bindings.isEmpty == true)
    }

    @Test func `within a Call-ID the CSeq has to grow, or the whole request fails`() throws {
        let bench = try Bench()
        _ = try bench.answer(Register([Self.a, "Expires: 600"], sequence: 5))
        for sequence: UInt32 in [4, 5] {
            #expect(try bench.answer(Register([Self.b, Self.a + ";expires=99"], sequence: sequence)).status == 500)
            #expect(try bench.answer(Register(["Contact: *", "Expires: 0"], sequence: sequence)).status == 500)
        }
        #expect(try bench.contacts() == ["sip:alice@192.0.2.1"])
        #expect(try bench.answer(Register([Self.a], sequence: 6)).status == 200)
        // Another device, or the same after a restart: its Call-ID is another, its CSeq counts anew.
        #expect(try bench.answer(Register([Self.a], sequence: 1, callID: "call-2")).status == 200)
        #expect(try bench.answer(Register(["Contact: *", "Expires: 0"], sequence: 1, callID: "call-3")).status == 200)
        #expect(try bench.contacts().isEmpty)
    }

    @Test func `one wrong contact fails the request and leaves every binding as it was`() throws {
        let bench = try Bench()
        _ = try bench.answer(Register([Self.a]))
        for bad in [
            "<tel:+15551234>", "<sip:alice@192.0.2.3?Subject=x>", "<sip:alice@>", "<sip:a@192.0.2.3>;q=1.001",
            "<sip:a@192.0.2.3>;q=2", "<sip:a@192.0.2.3>;q=.5", "<sip:a@192.0.2.3>;q=0.1234",
            "<sip:a@192.0.2.3>;reg-id=0",
            "<sip:a@192.0.2.3>;reg-id=2147483648", "<sip:a@192.0.2.3>;reg-id=x", "<sip:a@192.0.2.3", "*;q=1",
            "<sip:ALICE@192.0.2.4>, <sip:ALICE@192.0.2.4>",
        ] {
            let response = try bench.answer(Register([Self.b, "Contact: \(bad)"], sequence: 2))
            #expect(response.status == 400, "\(bad)")
            #expect(response.reason?.hasPrefix("Bad Request: ") == true)
        }
        #expect(try bench.contacts() == ["sip:alice@192.0.2.1"])
        #expect(bench.stored.count == 1)
    }

    @Test func `contacts come by q, and the one that was registered last first`() throws {
        let bench = try Bench()
        for (index, q) in ["0.5", "1.0", "0.5", "0", "0.999", "1"].enumerated() {
            _ = try bench.answer(
                Register(["Contact: <sip:alice@192.0.2.\(index)>;q=\(q)"], callID: "call-\(index)"))
        }
        #expect(
            try bench.contacts().map { $0.last } == ["5", "1", "4", "2", "0", "3"])
    }

    @Test(arguments: [
        ("REGISTER", "sip:example.net", "Require: path, outbound", 200), ("REGISTER", "sip:EXAMPLE.net", "", 200),
        ("REGISTER", "sip:example.org", "", 404), ("REGISTER", "tel:1", "", 404),
        ("OPTIONS", "sip:example.net", "", 405),
        ("REGISTER", "sip:example.net", "Require: gruu, path, x-y", 420),
    ])
    func `method, domain and Require are looked at first`(
        method: String, uri: String, line: String, status: UInt16
    ) throws {
        let bench = try Bench()
        var register = Register([Self.a] + (line.isEmpty ? [] : [line]))
        register.method = method
        register.uri = uri
        let response = try bench.answer(register)
        #expect(response.status == status)
        #expect(response.texts(.unsupported) == (status == 420 ? ["gruu,x-y"] : []))
        #expect(response.texts(.allow) == (status == 405 ? ["REGISTER"] : []))
        #expect(bench.registrar.isResponsible(for: try register.message()) == (status != 404))
    }

    @Test func `a challenge before there is a transaction keeps nothing`() throws {
        let bench = try Bench()
        let bare = try Register([Self.a]).message()
        let first = try #require(bench.statelessChallenge(to: bare))
        let second = try #require(bench.statelessChallenge(to: bare))
        #expect(first.status == 401)
        #expect(first.texts(.to) == second.texts(.to))
        #expect(first.nonce != second.nonce)
        #expect(bench.registrar.authenticator.rememberedNonces == 0)
        let account = Account()
        let credentials = account.credentials(bench.digests, nonce: try #require(first.nonce))
        let known = try Register([Self.a]).message(["Authorization: " + credentials])
        #expect(bench.statelessChallenge(to: known) == nil)
        var foreign = Register()
        foreign.uri = "sip:example.org"
        #expect(bench.statelessChallenge(to: try foreign.message()) == nil)
        // No more than twice the request, as long as nobody has shown who they are.
        #expect(first.serialized().count <= 2 * bare.serialized().count)
    }

    @Test func `a removed user is reached no more, not even by what was being stored`() throws {
        let bench = try Bench()
        _ = try bench.answer(Register([Self.a]))
        let actions = try bench.send(Register([Self.b], sequence: 2))
        guard case .store(let token, _) = actions[0] else {
            Issue.record("\(actions)")
            return
        }
        #expect(try bench.send(Register([Self.b], sequence: 3)).isEmpty)
        bench.registrar.replaceUsers([bench.user("bob")])
        #expect(try bench.contacts().isEmpty)
        var after = bench.stored(token)
        guard case .respond(let refusal, _) = after.removeFirst(),
            case .store(let second, let change) = after.removeFirst()
        else {
            Issue.record("\(after)")
            return
        }
        #expect(refusal.status == 403)
        #expect(change.bindings.isEmpty)
        #expect(try bench.response(to: bench.stored(second)).status == 403)
        #expect(try bench.contacts().isEmpty)
    }
}
