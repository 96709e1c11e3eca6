import SIPText
import SIPTransactions
import Testing

/// Two layers on a link that loses and doubles: whatever it does, everything ends, and the user sees one outcome.
@Suite struct LossyLinkTests {
    static let scripts: [String: Simulation.Script] = [
        "INVITE, 486": .init(
            method: "INVITE", answers: [(.zero, 100), (.milliseconds(200), 180), (.seconds(3), 486)], transport: .udp),
        "INVITE, 486 at once": .init(method: "INVITE", answers: [(.zero, 486)], transport: .udp),
        "INVITE, 200": .init(
            method: "INVITE", answers: [(.zero, 100), (.milliseconds(200), 180), (.seconds(3), 200)], transport: .udp),
        "INVITE, 200 at once": .init(method: "INVITE", answers: [(.zero, 200)], transport: .udp),
        "OPTIONS, 200 at once": .init(method: "OPTIONS", answers: [(.zero, 200)], transport: .udp),
        "OPTIONS, 200 late": .init(
            method: "OPTIONS", answers: [(.seconds(4), 100), (.seconds(9), 200)], transport: .udp),
    ]

    static func run(_ script: Simulation.Script, _ treatment: @escaping (Int) -> Simulation.Treatment) -> Simulation {
        var simulation = Simulation(script, treatment: treatment)
        simulation.run()
        return simulation
    }

    /// The outcome that a link which does not stay dead must have.
    static func check(_ simulation: Simulation, _ script: Simulation.Script, _ what: String) {
        #expect(simulation.faults == [], "\(what)")
        #expect(simulation.leftOver == 0, "\(what)")
        #expect(simulation.requests == 1, "\(what)")
        #expect(simulation.endingTimes.count == 2, "\(what)")
        #expect(simulation.timeOuts == 0, "\(what)")
        let expected = script.answers.last?.status
        if script.method == "INVITE", expected == 200 {
            // Each copy of the 2xx is the user's, to be acknowledged again; all are one answer.
            #expect(simulation.finals.first?.status == 200, "\(what)")
            #expect(simulation.finals.allSatisfy { $0 == simulation.finals.first }, "\(what)")
            #expect(simulation.acknowledged >= 1, "\(what)")
        } else {
            #expect(simulation.finals.map(\.status) == [expected], "\(what)")
            #expect(simulation.acknowledged == 0, "\(what)")
        }
    }

    @Test(arguments: scripts.keys.sorted())
    func `losing any one message changes nothing but the time`(name: String) throws {
        let script = try #require(Self.scripts[name])
        let whole = Self.run(script) { _ in .deliver }
        Self.check(whole, script, "\(name), none lost")
        for lost in 0..<whole.sent {
            Self.check(Self.run(script) { $0 == lost ? .lose : .deliver }, script, "\(name), \(lost) lost")
        }
    }

    @Test(arguments: scripts.keys.sorted())
    func `losing any two messages changes nothing but the time`(name: String) throws {
        let script = try #require(Self.scripts[name])
        for first in 0..<8 {
            for second in first + 1..<9 {
                let simulation = Self.run(script) { $0 == first || $0 == second ? .lose : .deliver }
                Self.check(simulation, script, "\(name), \(first) and \(second) lost")
            }
        }
    }

    @Test(arguments: scripts.keys.sorted())
    func `doubling any one message, and every message, changes nothing`(name: String) throws {
        let script = try #require(Self.scripts[name])
        let whole = Self.run(script) { _ in .deliver }
        for doubled in 0..<whole.sent {
            Self.check(Self.run(script) { $0 == doubled ? .double : .deliver }, script, "\(name), \(doubled) doubled")
        }
        Self.check(Self.run(script) { _ in .double }, script, "\(name), all doubled")
    }

    @Test(arguments: scripts.keys.sorted())
    func `a link that dies at any message leaves nothing behind`(name: String) throws {
        let script = try #require(Self.scripts[name])
        let whole = Self.run(script) { _ in .deliver }
        for last in 0...whole.sent {
            let simulation = Self.run(script) { $0 < last ? .deliver : .lose }
            #expect(simulation.faults == [], "\(name), dead from \(last)")
            #expect(simulation.leftOver == 0, "\(name), dead from \(last)")
            #expect(simulation.endingTimes.count == 1 + simulation.requests, "\(name), dead from \(last)")
            #expect(simulation.finals.count <= 1, "\(name), dead from \(last)")
            #expect(simulation.timeOuts <= 1 && simulation.timeOuts + simulation.finals.count <= 1)
        }
    }

    @Test(arguments: [("INVITE", 7), ("OPTIONS", 11)])
    func `a dead link is given up after 64 times T1`(method: String, sent: Int) {
        let script = Simulation.Script(method: method, answers: [], transport: .udp)
        let simulation = Self.run(script) { _ in .lose }
        #expect(simulation.endingTimes == [.seconds(32)])
        #expect(simulation.sent == sent)
        #expect(simulation.timeOuts == 1)
        #expect(simulation.leftOver == 0)
    }

    @Test(arguments: scripts.keys.sorted())
    func `over a connection each message is sent once`(name: String) throws {
        var script = try #require(Self.scripts[name])
        script.transport = .tcp
        let simulation = Self.run(script) { _ in .deliver }
        Self.check(simulation, script, name)
        #expect(simulation.sent == 1 + script.answers.count + (script.method == "INVITE" ? 1 : 0))
    }
}
