import Registration
import SIPText
import Testing

/// The registration flows of RFC 3665 section 2, message by message: what each answer says, and where Alice is then.
@Suite struct RegistrationFlowTests {
    private static let biloxi = "Contact: <sip:alice@192.0.2.201>"
    private static let second = "Contact: <sip:alice@192.0.2.202>"
    private static let mail = "Contact: <mailto:alice@example.net>"

    /// F1 to F4: a REGISTER without credentials, its challenge, and the same with them.
    private func registered(_ bench: Bench, _ lines: [String], sequence: UInt32 = 1) throws -> Message {
        let register = Register(lines, sequence: sequence)
        let challenge = try bench.response(to: bench.send(try register.message()))
        #expect(challenge.status == 401)
        #expect(challenge.nonce != nil)
        #expect(challenge.texts(.contact).isEmpty)
        return try bench.answer(Register(lines, sequence: sequence + 1))
    }

    @Test func `2_1 successful new registration`() throws {
        let bench = try Bench()
        let answer = try registered(bench, [Self.biloxi + ";expires=3600"])
        #expect(answer.status == 200)
        #expect(answer.texts(.contact) == ["<sip:alice@192.0.2.201>;expires=3600"])
        #expect(try bench.contacts() == ["sip:alice@192.0.2.201"])
    }

    @Test func `2_2 update of contact list`() throws {
        let bench = try Bench()
        _ = try registered(bench, [Self.biloxi + ";expires=3600"])
        // F1, F2: the credentials are there at once.
        let answer = try bench.answer(Register([Self.second], sequence: 3))
        #expect(answer.status == 200)
        #expect(answer.texts(.contact).count == 2)
        #expect(try bench.contacts().sorted() == ["sip:alice@192.0.2.201", "sip:alice@192.0.2.202"])
        // The flow's own contact is an address for mail, which this registrar does not take.
        #expect(try bench.answer(Register([Self.mail], sequence: 5)).status == 400)
        #expect(try bench.contacts().count == 2)
    }

    @Test func `2_3 request for current contact list`() throws {
        let bench = try Bench()
        _ = try registered(bench, [Self.biloxi + ";expires=3600"])
        let answer = try bench.answer(Register([], sequence: 3))
        #expect(answer.status == 200)
        #expect(answer.texts(.contact) == ["<sip:alice@192.0.2.201>;expires=3600"])
        #expect(try bench.contacts() == ["sip:alice@192.0.2.201"])
    }

    @Test func `2_4 cancellation of registration`() throws {
        let bench = try Bench()
        _ = try registered(bench, [Self.biloxi + ";expires=3600"])
        let answer = try bench.answer(Register(["Expires: 0", "Contact: *"], sequence: 3))
        #expect(answer.status == 200)
        #expect(answer.texts(.contact).isEmpty)
        #expect(try bench.contacts().isEmpty)
    }

    @Test func `2_5 unsuccessful registration`() throws {
        let bench = try Bench()
        let challenge = try bench.response(to: bench.send(try Register([Self.biloxi]).message()))
        #expect(challenge.status == 401)
        let wrong = Account(password: "guessed")
        let answer = try bench.answer(Register([Self.biloxi], sequence: 2), as: wrong)
        #expect(answer.status == 401)
        #expect(answer.nonce != nil && answer.nonce != challenge.nonce)
        #expect(try bench.contacts().isEmpty)
    }
}
