import GateProtocol
import Glibc
import Lab
import Netfilter
import Testing
import Wire

/// What other programs and kill -9 do to the table of a gate with a live call: packets are counted at the hosts.
@Suite(.serialized) struct TableOwnerTests {
    /// Whether tables can be owned and stay: Linux 6.9 and later.
    static let canBeOwned: Bool = {
        var name = utsname()
        uname(&name)
        let release = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let numbers = release.split(whereSeparator: { !$0.isNumber }).compactMap { Int($0) }
        return numbers.count > 1 && (numbers[0], numbers[1]) >= (6, 9)
    }()

    private let hosts = Addressing.both[0]
    private let session = SessionID(0xABC)

    /// A call with packets both ways, and a stranger who sends to a port of the same phone that is closed.
    private final class LiveCall {
        let outgoing: PacedStream
        let incoming: PacedStream
        let closed: PacedStream

        init(_ gate: GateProcess, _ hosts: Addressing) throws {
            let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
            let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
            let shut = try PacketPump(endpoint("10.1.0.2:4444"), in: gate.testbed.inside)
            outgoing = try PacedStream(a, to: b)
            incoming = try PacedStream(b, to: a)
            closed = try PacedStream(try PacketPump(hosts.stranger, in: gate.testbed.stranger), to: shut)
            for stream in [outgoing, incoming, closed] { stream.pass(50) }
        }

        /// Ends it: packets of the call that were lost, of the stranger that were let in, and how many were sent.
        func stop() throws -> (lost: Int, leaked: Int, sent: Int) {
            let (there, back, shut) = (try outgoing.stop(), try incoming.stop(), try closed.stop())
            return (
                there.sent - Set(there.received).count + back.sent - Set(back.received).count, shut.received.count,
                there.sent + back.sent
            )
        }
    }

    private func elements(_ gate: GateProcess) throws -> Int {
        try gate.ruleset().split(separator: "\n").count { $0.contains(" timeout ") && $0.contains(" : ") }
    }

    private func lines(of child: Child, with text: String) -> [Substring] {
        child.text.split(separator: "\n").filter { $0.contains(text) }
    }

    private func count(_ child: Child, _ text: String, reaches count: Int) -> Bool {
        for _ in 0..<500 {
            if lines(of: child, with: text).count >= count { return true }
            usleep(10_000)
        }
        return false
    }

    @Test func `what others flush and edit leaves a live call and closed ports alone`() throws {
        let gate = try GateProcess("owner")
        let child = try gate.startReady()
        let client = try gate.connect()
        guard Self.canBeOwned else {
            // What becomes of it then, other tests say.
            #expect(try !gate.ruleset().contains("\tflags owner"))
            return
        }
        #expect(try client.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        let call = try LiveCall(gate, hosts)
        let foreign = [
            "delete table netdev sekisho", "flush table netdev sekisho", "flush map netdev sekisho in4",
            "add element netdev sekisho in4 { 10.2.0.2 . 7 . 10.1.0.2 . 7 timeout 9s : 10.1.0.77 }",
            "insert rule netdev sekisho outside accept",
        ]
        for _ in 0..<20 {
            try gate.testbed.gateway.command("nft", "flush", "ruleset")
            for command in foreign {
                let result = try Command.run(["ip", "netns", "exec", gate.testbed.gateway.name, "nft", command])
                #expect(result.status != 0 && result.output.contains("Operation not permitted"), "\(result)")
            }
        }
        let (lost, leaked, sent) = try call.stop()
        print("flushed with an owner: lost \(lost) of \(sent), leaked \(leaked)")
        #expect(lost == 0 && leaked == 0)
        #expect(try !gate.ruleset().contains("table inet admin"))
        #expect(lines(of: child, with: "made anew").isEmpty)
        #expect(try client.ask(.close(session))?.isDone == true)
        #expect(try elements(gate) == 0)
    }

    @Test func `without an owner what others flush is there again at once, and the log names them`() throws {
        let gate = try GateProcess("watch")
        let child = try gate.startReady(["table_flags: none"])
        let client = try gate.connect()
        #expect(try client.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        for number in 1...200 as ClosedRange<UInt64> {
            let inside = Endpoint(hosts.inside.address, UInt16(6000 + number))
            #expect(try client.ask(.openFromAny(SessionID(number), inside: [inside])) == .completed)
            if number > 100 { #expect(try client.ask(.close(SessionID(number)))?.isDone == true) }
        }
        #expect(lines(of: child, with: "made anew").isEmpty, "the gate's own changes are no one else's")
        let call = try LiveCall(gate, hosts)
        let rounds = 10
        let (start, before) = (ContinuousClock.now, call.closed.sent)
        for round in 1...rounds {
            try gate.testbed.gateway.command("nft", "flush", "ruleset")
            #expect(count(child, "changed it", reaches: round), "\(child.text)")
            call.closed.pass(100)
        }
        let pause = (ContinuousClock.now - start) / (call.closed.sent - before)
        let (_, leaked, _) = try call.stop()
        let told = lines(of: child, with: "made anew")
        #expect(told.count == rounds)
        #expect(told.allSatisfy { $0.contains(" with 102 elements, because nft (process ") }, "\(told)")
        print("flushed without an owner: leaked \(leaked) in \(rounds) flushes, \(pause * leaked / rounds) each")
        for line in told { print(line) }
        // The site's own rules are gone for good: what is closed is so by the gate's table alone. A second is far more than
        // it takes on any machine.
        #expect(pause * leaked / rounds < .seconds(1))
        #expect(try elements(gate) == 102)
        #expect(try client.ask(.close(session))?.isDone == true)
        #expect(try elements(gate) == 100)
    }

    @Test(arguments: [
        "delete table netdev sekisho", "flush table netdev sekisho", "flush map netdev sekisho in4",
        "add element netdev sekisho in4 { 10.2.0.2 . 7 . 10.1.0.2 . 7 timeout 9s : 10.1.0.77 }",
        "insert rule netdev sekisho outside accept", "add chain netdev sekisho more",
    ])
    func `without an owner every change of the table is undone, and none of another table noticed`(
        command: String
    ) throws {
        let gate = try GateProcess("undo")
        let child = try gate.startReady(["table_flags: none"])
        let client = try gate.connect()
        #expect(try client.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        let listing = "nft list table netdev sekisho | sed 's/expires[^:]*//;s/packets.*//'"
        let before = try gate.testbed.gateway.command("sh", "-c", listing)
        try gate.testbed.gateway.command(
            "nft", "add table inet sekisho; add chain inet sekisho more; flush ruleset inet")
        try gate.testbed.gateway.command("nft", command)
        try child.expect("because nft (process ")
        #expect(lines(of: child, with: "made anew").count == 1)
        #expect(try gate.testbed.gateway.command("sh", "-c", listing) == before)
    }

    @Test(arguments: ["auto", "none"])
    func `a gate that is killed and starts again goes on with its calls`(flags: String) throws {
        let gate = try GateProcess("again")
        let first = try gate.startReady(["table_flags: \(flags)"])
        let client = try gate.connect()
        let ringing = SessionID(0xDEF)
        let other = endpoint("10.1.0.2:4010")
        #expect(try client.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        #expect(try client.ask(.openFromAny(ringing, inside: [other])) == .completed)
        let call = try LiveCall(gate, hosts)
        var next: Child?
        for round in 0..<5 {
            (next ?? first).signal(SIGKILL)
            #expect((next ?? first).wait(seconds: 10) == 128 + SIGKILL)
            call.incoming.pass(50)
            // Nobody has it now.
            let stray = "10.2.0.2 . \(round + 7) . 10.1.0.2 . 7 timeout 50s : 10.1.0.77"
            try gate.testbed.gateway.command("nft", "add element netdev sekisho in4 { \(stray) }")
            next = try gate.startReady(["table_flags: \(flags)"])
            try next?.expect("table netdev sekisho taken over with 2 sessions; 1 elements of none removed")
            call.incoming.pass(50)
        }
        let (lost, leaked, sent) = try call.stop()
        print("killed five times, table_flags \(flags): lost \(lost) of \(sent), leaked \(leaked)")
        #expect(lost == 0 && leaked == 0)
        #expect(try elements(gate) == 3)
        let later = try gate.connect()
        guard case .listed(let reports, false)? = try later.ask(.list(after: nil)) else {
            throw Command.Failure(description: "no list")
        }
        #expect(reports.map(\.holes) == [Holes(paths: [hosts.path]), Holes(halfOpen: [other])])
        #expect((reports.first?.paths.first?.incoming.packets ?? 0) > 500)
        #expect(try later.ask(.renew([session, ringing])) == .renewed(missing: [], silent: [ringing]))
        #expect(try later.ask(.close(session))?.isDone == true)
        #expect(try later.ask(.close(ringing))?.isDone == true)
        #expect(try elements(gate) == 0)
    }

    @Test func `what nobody renews after a restart ends by its timeout`() throws {
        let gate = try GateProcess("dead")
        let first = try gate.startReady(["hole_timeout: 5"])
        #expect(try gate.connect().ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        first.signal(SIGKILL)
        _ = first.wait(seconds: 10)
        usleep(2_000_000)
        let second = try gate.startReady(["hole_timeout: 5"])
        try second.expect("taken over with 1 sessions")
        // Three seconds are left.
        try second.expect("expired \(session)", seconds: 4)
        #expect(try elements(gate) == 0)
    }

    @Test(arguments: [
        "media_ports: 2000-3000", "half_open_rate: 20", "limits: { sessions: 20000 }", "table_flags: none",
    ])
    func `a table of other settings is made anew`(setting: String) throws {
        let gate = try GateProcess("other")
        let first = try gate.startReady()
        #expect(try gate.connect().ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        first.signal(SIGKILL)
        _ = first.wait(seconds: 10)
        #expect(try elements(gate) == 2)
        let second = try gate.startReady([setting])
        // Where no table has an owner, having none is no other setting.
        let isSame = setting.hasPrefix("table_flags") && !Self.canBeOwned
        #expect(try elements(gate) == (isSame ? 2 : 0))
        #expect(second.text.contains("taken over") == isSame)
    }
}
