import Registration
import SIPText
import Testing
import Wire

/// Each limit at n and at n + 1.
@Suite struct RegistrationLimitTests {
    private func status(_ lines: [String], _ adjust: (inout RegistrarSettings) -> Void = { _ in }) throws -> UInt16? {
        try Bench(adjust).answer(Register(lines)).status
    }

    private func contacts(_ count: Int) -> [String] {
        (0..<count).map { "Contact: <sip:alice@192.0.2.1:\(5060 + $0)>" }
    }

    private func uri(_ octets: Int) -> String {
        "sip:" + String(repeating: "a", count: octets - 14) + "@192.0.2.1"
    }

    @Test func `contacts of one user, also when they come one by one`() throws {
        #expect(try status(contacts(10)) == 200)
        #expect(try status(contacts(11)) == 403)
        let bench = try Bench { $0.contactsPerUser = 2 }
        for (index, status) in [200, 200, 403].enumerated() {
            let line = "Contact: <sip:alice@192.0.2.1:\(5060 + index)>"
            #expect(try bench.answer(Register([line], sequence: UInt32(index + 1))).status == UInt16(status))
        }
        // One goes, one comes.
        let swap = ["Contact: <sip:alice@192.0.2.1:5060>;expires=0, <sip:alice@192.0.2.1:5063>"]
        #expect(try bench.answer(Register(swap, sequence: 9)).status == 200)
        #expect(try bench.contacts().count == 2)
    }

    @Test func `contacts in one request`() throws {
        let n = RegistrationLimits.contactsInRequest
        #expect(try status(contacts(n)) { $0.contactsPerUser = 100 } == 200)
        #expect(try status(contacts(n + 1)) { $0.contactsPerUser = 100 } == 400)
    }

    @Test func `octets of a contact, of an instance and of a Path`() throws {
        let n = RegistrationLimits.contactOctets
        #expect(try status(["Contact: <\(uri(n))>"]) == 200)
        #expect(try status(["Contact: <\(uri(n + 1))>"]) == 400)
        let i = RegistrationLimits.instanceOctets
        for (count, status) in [(i, 200), (i + 1, 400), (0, 400)] {
            let line = "Contact: <sip:a@192.0.2.1>;+sip.instance=\"\(String(repeating: "x", count: count))\""
            #expect(try self.status([line]) == UInt16(status))
        }
        let p = RegistrationLimits.pathOctets
        let rest = ["Contact: <sip:a@192.0.2.1>", "Supported: path"]
        #expect(try status(rest + ["Path: <\(uri(p - 2))>"]) == 200)
        #expect(try status(rest + ["Path: <\(uri(p - 1))>"]) == 400)
    }

    @Test func `values of Path`() throws {
        let rest = ["Contact: <sip:a@192.0.2.1>", "Supported: path"]
        let path = [String](repeating: "Path: <sip:p.example.net;lr>", count: RegistrationLimits.pathValues)
        #expect(try status(rest + path) == 200)
        #expect(try status(rest + path + ["Path: <sip:q.example.net;lr>"]) == 400)
    }

    @Test func `octets of a user's name`() throws {
        let n = RegistrationLimits.userOctets
        for (count, isName) in [(0, false), (1, true), (n, true), (n + 1, false)] {
            let name = String(repeating: "a", count: count)
            #expect(self.isName(name) == isName)
            #expect((canonical("sip:\(name)@example.net") != nil) == isName)
        }
        for bad in ["a b", "a:b", "a\"b", "a\\b", "a@b", "<a>", "a\tb", "\u{7F}"] {
            #expect(!isName(bad), "\(bad)")
        }
        for good in ["alice", "+15551234", "O'Brien", "élise", "a.b-c_d"] {
            #expect(isName(good), "\(good)")
        }
        let broken: [UInt8] = [0x61, 0xC3]
        let isTaken = RegisteredUser.isName(broken.span)
        #expect(!isTaken)
    }

    private func isName(_ text: String) -> Bool {
        let octets = Array(text.utf8)
        return RegisteredUser.isName(octets.span)
    }
}
