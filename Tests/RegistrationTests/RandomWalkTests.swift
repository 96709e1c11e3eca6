import Corpus
import Registration
import SIPText
import SIPTransactions
import Testing
import Wire

/// REGISTERs put together at random, some of them damaged, from two users and a stranger; stores that fail now and then.
@Suite struct RandomWalkTests {
    static let lines = [
        "Contact: <sip:NAME@192.0.2.1>", "Contact: <sip:NAME@192.0.2.2>;q=0.3, <sip:NAME@192.0.2.3>;expires=0",
        "Contact: *", "Contact: <sip:NAME@192.0.2.4;transport=tcp>;+sip.instance=\"<urn:x>\";reg-id=1",
        "Contact: <sip:NAME@192.0.2.5;transport=tcp>;+sip.instance=\"<urn:x>\";reg-id=2", "Expires: 0", "Expires: 30",
        "Expires: 90", "Supported: path, outbound", "Path: <sip:p.example.net;lr;ob>", "Require: outbound",
        "Contact: \"x\" <sip:NAME@[2001:db8::1]:5070>;expires=100",
    ]

    /// A REGISTER of `name` with up to four of the lines; one in three damaged somewhere.
    private func request(
        _ bench: Bench, _ name: String, _ sequence: UInt32, _ random: inout SplitMix
    ) throws -> Message? {
        var register = Register(sequence: sequence, callID: "call-\(Int.random(in: 0..<3, using: &random))")
        register.to = "sip:\(name)@example.net"
        register.from = register.to
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            register.lines.append(Self.lines.randomElement(using: &random)?.replacing("NAME", with: name) ?? "")
        }
        let account = Account(name: name, password: "secret-\(name)")
        let credentials = account.credentials(bench.digests, nonce: try bench.nonce())
        var octets = try register.message(["Authorization: " + credentials]).serialized()
        if Int.random(in: 0..<3, using: &random) == 0 {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<octets.count, using: &random)
                octets[place] = Array("<>;,:\"*= \\0x%".utf8).randomElement(using: &random) ?? 0
            }
        }
        guard case .message(let message) = MessageParser.parse(octets) else { return nil }
        return message
    }

    @Test(arguments: [1, 2, 3, 4])
    func `whatever comes, a user changes only their own bindings, and only by what was stored`(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let bench = try Bench { $0.contactsPerUser = 4 }
        var pending: [(token: StoreToken, change: LocationChange)] = []
        var answered: Set<Int> = []
        var asked = 0
        var statuses: [UInt16: Int] = [:]
        func perform(_ actions: [RegistrarAction<Int>]) {
            for action in actions {
                switch action {
                case .respond(let response, let reference):
                    if reference > 0 { #expect(answered.insert(reference).inserted) }
                    statuses[response.status ?? 0, default: 0] += 1
                case .store(let token, let change):
                    #expect(!pending.contains { $0.change.aor == change.aor })
                    #expect(change.bindings.count <= 4)
                    pending.append((token, change))
                }
            }
        }
        for step in 0..<1_500 {
            bench.flow.transport = step.isMultiple(of: 3) ? .tcp : .udp
            bench.flow.connection = step.isMultiple(of: 3) ? UInt64(step % 5) : nil
            let name = ["alice", "bob", "mallory"][Int.random(in: 0..<3, using: &random)]
            let before = try [bench.contacts("sip:alice@example.net"), bench.contacts("sip:bob@example.net")]
            let sequence = UInt32(max(1, step - Int.random(in: 0..<40, using: &random)))
            if let message = try request(bench, name, sequence, &random) {
                asked += 1
                perform(bench.send(message))
            }
            // Handing in changes nothing that anyone is reached by.
            #expect(try [bench.contacts("sip:alice@example.net"), bench.contacts("sip:bob@example.net")] == before)
            if !pending.isEmpty, Int.random(in: 0..<3, using: &random) > 0 {
                let (token, change) = pending.removeFirst()
                let succeeds = Int.random(in: 0..<6, using: &random) > 0
                let old = try bench.contacts("sip:\(change.aor)")
                perform(bench.stored(token, succeeds))
                let new = try Set(bench.contacts("sip:\(change.aor)"))
                let wanted = change.bindings.map { String(decoding: $0.contact, as: UTF8.self) }
                #expect(succeeds ? new.isSubset(of: wanted) : new == Set(old))
            }
            if step.isMultiple(of: 50) { bench.registrar.connectionClosed(UInt64(step / 50 % 5)) }
            bench.pass(.milliseconds(Int.random(in: 0..<3_000, using: &random)))
        }
        while !pending.isEmpty { perform(bench.stored(pending.removeFirst().token)) }
        #expect(answered.count == asked)
        #expect(bench.registrar.contacts(of: AddressOfRecord(user: [], domain: []), at: bench.now).isEmpty)
        #expect(try bench.contacts("sip:mallory@example.net").isEmpty)
        for status: UInt16 in [200, 400, 401, 423, 500, 503] { #expect(statuses[status] ?? 0 > 0, "\(status)") }
    }
}
