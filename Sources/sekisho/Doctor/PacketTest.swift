import Coexistence
import GateProtocol
import Glibc
import Lab
import Netfilter
import Wire

/// Sends SIP and media through a copy of the ruleset.
final class PacketTest {
    /// What was sent, and what became of it.
    struct Line {
        let what: String
        let result: String
        /// Whether it is as it has to be for calls; nil where both are.
        let isGood: Bool?
    }

    /// How long a packet may be on its way: what has not come then was dropped.
    private static let patienceSeconds = 1.0

    private let facts: Facts
    private let gate: Facts.Gate
    private let scratch: ScratchGateway
    private let pause: () throws -> Void
    private var servers: [Facts.Listener: ProbeSocket] = [:]
    private var streams: UInt16 = 0
    private var serial = 0

    /// - Parameter pause: lets a few milliseconds go by; what it throws ends the test.
    init(
        _ facts: Facts, _ gate: Facts.Gate, _ ruleset: SiteRuleset, directory: String,
        pause: @escaping () throws -> Void
    )
        throws
    {
        self.facts = facts
        self.gate = gate
        self.pause = pause
        scratch = try ScratchGateway(facts, gate, ruleset, directory: directory)
        for listener in facts.listeners where listener.endpoint.address.scope != .loopback {
            servers[listener] = try ProbeSocket(
                listener.endpoint, isStream: listener.transport == .tcp, in: scratch.copy)
        }
    }

    /// Each line as it is known. Whether calls work in the chosen path as it is.
    func run(_ show: (Line) -> Void) throws -> Bool {
        let signalling = try self.signalling()
        signalling.forEach(show)
        let fast = try fastPath()
        fast.forEach(show)
        try media("without a mark, through the site's chains", marked: false).forEach(show)
        let routed = try media("with the mark, through the site's chains", marked: true)
        routed.forEach(show)
        let chosen = facts.mediaPath == .fast ? fast : routed
        let isGood = (signalling + chosen).allSatisfy { $0.isGood != false }
        if (signalling + routed).allSatisfy({ $0.isGood != false }) { return isGood }
        for (place, remedy) in Examination.firewallRemedies(facts) {
            for command in remedy.inCopy {
                do {
                    try scratch.run(command)
                    show(Line(what: "in the copy, for \(place): \(command)", result: "added", isGood: nil))
                } catch {
                    show(Line(what: "in the copy: \(command)", result: "refused: \(error)", isGood: false))
                }
            }
        }
        try (self.signalling() + media("with the mark, and the lines above", marked: true)).forEach(show)
        return isGood
    }

    // MARK: SIP

    private func signalling() throws -> [Line] {
        var trials: [Trial] = []
        for signalling in Examination.signalling(facts) {
            let isInside = signalling.interface == gate.inside
            for pair in scratch.plan.pairs where pair.isIPv6 == signalling.endpoint.address.isIPv6 {
                guard let address = target(signalling),
                    let server = servers[Facts.Listener(transport: signalling.transport, endpoint: signalling.endpoint)]
                else { continue }
                let host = isInside ? scratch.phone : scratch.peer
                let source = Endpoint(isInside ? pair.phone : pair.peer, nextPort())
                let destination = Endpoint(address, signalling.endpoint.port)
                let name = "SIP by \(signalling) from \(source.address)"
                if signalling.transport == .tcp {
                    let client = try ProbeSocket(connectingFrom: source, to: destination, in: host)
                    trials.append(Trial(name) { client.isConnected ? .passed : .waiting })
                } else {
                    trials.append(try requestTrial(name, source, destination, server, in: host))
                }
            }
        }
        return try finish(trials, wanted: true)
    }

    private func target(_ signalling: Signalling) -> IPAddress? {
        guard signalling.isWildcard else { return signalling.endpoint.address }
        let interface = facts.interfaces.first { $0.name == signalling.interface }
        return interface?.addresses.first {
            $0.isIPv6 == signalling.endpoint.address.isIPv6 && $0.scope == .unicast
        }
    }

    /// An OPTIONS request, for a firewall that reads SIP reads what is none as an attack; and its answer.
    private func requestTrial(
        _ name: String, _ source: Endpoint, _ destination: Endpoint, _ server: ProbeSocket, in host: Namespace
    ) throws -> Trial {
        let client = try ProbeSocket(source, in: host)
        serial += 1
        let headers = """
            Via: SIP/2.0/UDP \(source);branch=z9hG4bKdoctor\(serial);rport\r
            From: <sip:doctor@sekisho.invalid>;tag=\(serial)\r
            To: <sip:doctor@sekisho.invalid>\r
            Call-ID: doctor-\(getpid())-\(serial)\r
            CSeq: 1 OPTIONS\r
            Max-Forwards: 70\r
            Content-Length: 0\r
            \r

            """
        client.send("OPTIONS sip:\(destination) SIP/2.0\r\n" + headers, to: destination)
        var hasCome = false
        return Trial(name) {
            while let (text, from) = server.receive() {
                // Whose it is, its source says; every answer goes where its request came from.
                let rest = text.split(separator: "\r\n", maxSplits: 1, omittingEmptySubsequences: false).last ?? ""
                server.send("SIP/2.0 200 OK\r\n\(rest)", to: from)
            }
            if client.receive() != nil { hasCome = true }
            return hasCome ? .passed : .waiting
        }
    }

    // MARK: Media

    /// Through the gate's own table and an open hole, as a call has it.
    private func fastPath() throws -> [Line] {
        let (scratch, gate) = (scratch, gate)
        let firewall = try scratch.copy.run {
            try NftFirewall(
                TableSettings(
                    insideDevice: gate.inside, outsideDevice: gate.outside, insidePrefixes: gate.prefixes,
                    mediaPorts: gate.mediaPorts, isOwned: false))
        }
        defer { try? firewall.remove() }
        var keeper = Gatekeeper(
            kernel: firewall, policy: PinholePolicy(inside: gate.prefixes), halfOpenAllowed: true,
            holeTimeout: .seconds(60))
        let ports = takePorts()
        let paths = scratch.plan.pairs.flatMap { pair in
            ports.map { MediaPath(inside: Endpoint(pair.phone, $0), outside: Endpoint(pair.peer, $0)) }
        }
        let reply = keeper.handle(
            .narrow(SessionID(1), Holes(paths: paths)), at: MonotonicTime(nanoseconds: 0)
        ).reply
        guard reply == .completed else {
            return [
                Line(what: "media by the fast path", result: "the gate's table refused a hole: \(reply)", isGood: false)
            ]
        }
        return try finish(mediaTrials("by an open hole of the fast path", ports), wanted: true)
    }

    /// Through the site's chains alone.
    private func media(_ how: String, marked: Bool) throws -> [Line] {
        if marked { try scratch.mark(true) }
        let lines = try finish(mediaTrials(how, takePorts()), wanted: marked ? true : nil)
        if marked { try scratch.mark(false) }
        return lines
    }

    /// A port for each direction.
    private func takePorts() -> [UInt16] { [nextPort(), nextPort()] }

    private func nextPort() -> UInt16 {
        let ports = scratch.plan.mediaPorts
        defer { streams += 1 }
        return ports.lowerBound + streams % UInt16(ports.count)
    }

    private func mediaTrials(_ how: String, _ ports: [UInt16]) throws -> [Trial] {
        try scratch.plan.pairs.flatMap { pair in
            let (out, back) = (ports[0], ports[1])
            return [
                try mediaTrial(how, Endpoint(pair.phone, out), scratch.phone, Endpoint(pair.peer, out), scratch.peer),
                try mediaTrial(how, Endpoint(pair.peer, back), scratch.peer, Endpoint(pair.phone, back), scratch.phone),
            ]
        }
    }

    private func mediaTrial(
        _ how: String, _ source: Endpoint, _ sender: Namespace, _ destination: Endpoint, _ receiver: Namespace
    ) throws -> Trial {
        let from = try ProbeSocket(source, in: sender)
        let to = try ProbeSocket(destination, in: receiver)
        from.send("sekisho doctor", to: destination)
        return Trial("media from \(source.address) to \(destination.address) \(how)") {
            // The socket stays open for as long as its packet may be looked for.
            _ = from
            return to.receive() != nil ? .passed : .waiting
        }
    }

    // MARK: Waiting

    private final class Trial {
        enum State { case waiting, passed }

        let name: String
        private let look: () -> State
        private(set) var hasPassed = false

        init(_ name: String, _ look: @escaping () -> State) {
            self.name = name
            self.look = look
        }

        func step() { if !hasPassed { hasPassed = look() == .passed } }
    }

    /// - Parameter wanted: whether it has to pass; nil where that is the site's own affair.
    private func finish(_ trials: [Trial], wanted: Bool?) throws -> [Line] {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let start = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
        while !trials.allSatisfy(\.hasPassed) {
            for trial in trials { trial.step() }
            clock_gettime(CLOCK_MONOTONIC, &now)
            guard Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - start < Self.patienceSeconds else { break }
            try pause()
        }
        return trials.map { trial in
            Line(
                what: trial.name, result: trial.hasPassed ? "passed" : "dropped",
                isGood: wanted.map { $0 == trial.hasPassed })
        }
    }
}
