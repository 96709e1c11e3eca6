import Registration
import SIPText
import Testing
import Wire

/// Registering for someone else: T15.
@Suite struct HijackTests {
    static let names = ["alice", "bob"]

    @Test(arguments: names.flatMap { to in names.flatMap { from in names.map { [to, from, $0] } } })
    func `To, From and credentials have to be one user's`(combination: [String]) throws {
        let bench = try Bench()
        for name in Self.names {
            var register = Register(["Contact: <sip:\(name)@192.0.2.1>"])
            register.to = "sip:\(name)@example.net"
            register.from = register.to
            #expect(try bench.answer(register, as: Account(name: name, password: "secret-\(name)")).status == 200)
        }
        let (to, from, user) = (combination[0], combination[1], combination[2])
        var register = Register(["Contact: <sip:thief@198.51.100.1>"], sequence: 2)
        register.to = "sip:\(to)@example.net"
        register.from = "sip:\(from)@example.net"
        let response = try bench.answer(register, as: Account(name: user, password: "secret-\(user)"))
        let isOne = to == from && from == user
        #expect(response.status == (isOne ? 200 : 403))
        for name in Self.names {
            let contacts = try bench.contacts("sip:\(name)@example.net")
            #expect(contacts.contains("sip:thief@198.51.100.1") == (isOne && name == to))
            #expect(contacts.contains("sip:\(name)@192.0.2.1"))
        }
        register.lines = ["Contact: *", "Expires: 0"]
        register.sequence = 3
        _ = try bench.answer(register, as: Account(name: user, password: "secret-\(user)"))
        for name in Self.names {
            #expect(try bench.contacts("sip:\(name)@example.net").isEmpty == (isOne && name == to))
        }
    }

    @Test(arguments: [
        ("sip:alice@example.net", 200), ("sips:%61lice@EXAMPLE.NET;x=y", 200), ("sip:alice:pw@example.net:5070", 200),
        ("sip:alice@example.org", 404), ("sip:alice%00@example.net", 400), ("sip:example.net", 400),
        ("sip:alice%zz@example.net", 400), ("sip:ALICE@example.net", 403), ("sip:bob%40x@example.net", 403),
        ("tel:alice", 400),
    ])
    func `To is compared in its canonical form`(uri: String, status: UInt16) throws {
        let bench = try Bench()
        var register = Register(["Contact: <sip:alice@192.0.2.1>"])
        register.to = uri
        register.from = uri
        #expect(try bench.answer(register).status == status)
    }

    @Test func `a user of another domain of this registrar is another address-of-record`() throws {
        let bench = try Bench { $0.domains.append(Array("example.org".utf8)) }
        var register = Register(["Contact: <sip:alice@192.0.2.1>"])
        register.to = "sip:alice@example.org"
        #expect(try bench.answer(register).status == 403)
        register.from = register.to
        #expect(try bench.answer(register).status == 200)
        #expect(try bench.contacts("sip:alice@example.org").count == 1)
        #expect(try bench.contacts("sip:alice@example.net").isEmpty)
    }
}
