import CLinux
import Configuration
import GateProtocol
import Glibc
import Netfilter
import Wire

/// The gate at work: one thread, one loop.
struct Daemon {
    /// Connections at one time: sekishod, its successor during an upgrade, and the operator's tools.
    private static let maximumConnections = 8
    /// linux/capability.h
    private static let capNetAdmin: Int32 = 12

    private let settings: GateSettings
    private let allowedUser: UInt32
    private let listener: Listener
    private let signals: Int32
    private let firewall: NftFirewall
    private var gatekeeper: Gatekeeper<NftFirewall>
    /// Nil where nobody wants to know of near misses, or another program has the group.
    private let packetLog: PacketLog?
    private var connections: [Connection] = []
    /// Those of the gatekeeper that the log tells of.
    private var restorations = 0
    private var following = RouteFollowing()
    private var log = Log()
    /// What `poll` looks at: the signals, the listener, changes of the table by others, packets that no
    /// hole let through, changes of routes, and the connections in their order.
    private var entries: [pollfd] = []
    private var readBuffer = [UInt8](repeating: 0, count: Connection.readOctets)

    /// - Parameter allowedUser: who may ask, besides root.
    init(_ settings: GateSettings, allowedUser: UInt32) throws(StartError) {
        self.settings = settings
        self.allowedUser = allowedUser
        signal(SIGPIPE, SIG_IGN)
        signals = CLinux_termination_signals()
        guard signals >= 0 else { throw StartError(description: "signalfd: errno \(errno)") }
        // Before the table: a second gate must not touch the first one's.
        listener = try Listener(path: settings.socket, settings.socketPlace)
        guard CLinux_has_capability(Self.capNetAdmin) != 0 else {
            throw StartError(
                description: "CAP_NET_ADMIN is missing; start the systemd unit, or set AmbientCapabilities to it")
        }
        for (name, place) in [
            (settings.insideInterface, settings.insideInterfacePlace),
            (settings.outsideInterface, settings.outsideInterfacePlace),
        ] where if_nametoindex(name) == 0 {
            throw StartError(
                description: place.error("no such interface: \(name)", allowed: "an interface of this machine")
                    .description)
        }
        do throws(NetfilterError) {
            firewall = try NftFirewall(settings.table)
        } catch {
            throw StartError(description: error.description + (error.advice.map { ": " + $0 } ?? ""))
        }
        var warning: String?
        do throws(NetfilterError) {
            packetLog = try settings.nearMisses.map { nearMisses throws(NetfilterError) in
                try PacketLog(group: nearMisses.group)
            }
        } catch {
            packetLog = nil
            warning = "near misses are not seen: " + error.description + (error.advice.map { ": " + $0 } ?? "")
        }
        gatekeeper = Gatekeeper(
            kernel: firewall, policy: settings.policy, halfOpenAllowed: settings.allowsHalfOpen,
            learningAllowed: packetLog != nil, holeTimeout: settings.holeTimeout, halfOpenLimit: settings.halfOpenLimit,
            translation: settings.translationSettings)
        if let warning { log.line(warning) }
        for name in firewall.devicesWithoutNeighbours {
            log.line(
                "interface \(name) is no Ethernet: media takes the routed path, and this machine's own firewall must accept "
                    + "its mark (media_path in docs/examples/gated.yaml)")
        }
        takeOver()
        warnOfHelpers()
        try listener.listen()
    }

    /// Goes on with the calls that the gate before this one had open.
    private mutating func takeOver() {
        guard firewall.isInherited else { return }
        do throws(NetfilterError) {
            let found = try gatekeeper.inherit(at: now)
            log.line(
                "table netdev sekisho taken over with \(found.sessions) sessions; \(found.removed) elements of none removed"
            )
        } catch {
            log.line("table netdev sekisho cannot be taken over: \(error.description)")
            restore("since nobody knows what it held")
        }
    }

    // MARK: The table

    /// Undoes what somebody else did to the table.
    private mutating func repair() {
        guard let intruder = firewall.intruder() else { return }
        restore("because \(intruder) changed it")
    }

    private mutating func restore(_ reason: String) {
        let start = now
        following.isTableLost = false
        do throws(NetfilterError) {
            let elements = try gatekeeper.restore(at: start)
            let microseconds = (now - start).wholeNanoseconds / 1000
            log.line("table netdev sekisho made anew in \(microseconds) us, with \(elements) elements, \(reason)")
        } catch {
            following.isTableLost = true
            log.line("table netdev sekisho cannot be made anew \(reason): \(error.description)")
        }
    }

    /// Goes after the kernel's routes and interfaces.
    private mutating func follow() {
        let start = now
        guard following.isDue(at: start), following.hasChanged(firewall.routingGeneration()) else { return }
        var isDone = true
        do throws(NetfilterError) {
            if try firewall.interfacesChanged() || following.isTableLost {
                restore("because an interface changed")
                isDone = !following.isTableLost
            }
            if let line = following.missing { log.line("\(line) is there again") }
            following.missing = nil
            let followed = try gatekeeper.follow(at: now)
            for line in RouteFollowing.lines(followed) { log.line(line) }
        } catch {
            isDone = false
            if case .findInterface(let name) = error.attempt {
                // Said once. Nothing comes in at an interface that is not there; it is told of when it is back.
                if following.missing == nil { log.line("interface \(name) is gone; no media passes until it is back") }
                following.missing = "interface \(name)"
                isDone = true
            } else {
                log.line("routes cannot be followed: \(error.description)")
            }
        }
        following.end(isDone: isDone, from: start, at: now)
    }

    /// Says when a request found no table.
    private mutating func tellRestorations() {
        guard restorations != gatekeeper.restorations else { return }
        restorations = gatekeeper.restorations
        log.line("table netdev sekisho was gone, and is made anew with the sessions that it had")
    }

    /// Two that read SIP on one machine do not agree on what it says. The gate goes on: it was not it that let the other in,
    /// and without it no call has media.
    private mutating func warnOfHelpers() {
        do throws(NetfilterError) {
            for finding in try ConntrackHelpers().findings {
                log.line("WARNING: the kernel's own SIP helper may open what this gate refuses: \(finding)")
            }
        } catch {
            log.line("cannot tell whether the kernel's own SIP helper is active: \(error.description)")
        }
        log.flush()
    }

    /// Runs until SIGTERM or SIGINT.
    mutating func run() {
        Log.output("ready")
        CLinux_notify_service("READY=1")
        CLinux_release_program_pages()
        log.flush()
        while !step() {}
        CLinux_notify_service("STOPPING=1")
        stop()
        log.flush()
    }

    // MARK: One round

    /// Waits for something to do and does it.
    ///
    /// - Returns: whether to stop.
    private mutating func step() -> Bool {
        entries.removeAll(keepingCapacity: true)
        entries.append(pollfd(fd: signals, events: Int16(POLLIN), revents: 0))
        entries.append(pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0))
        entries.append(pollfd(fd: firewall.watchDescriptor, events: Int16(POLLIN), revents: 0))
        entries.append(pollfd(fd: packetLog?.descriptor ?? -1, events: Int16(POLLIN), revents: 0))
        entries.append(
            pollfd(fd: following.isDue(at: now) ? firewall.routingDescriptor : -1, events: Int16(POLLIN), revents: 0))
        for connection in connections {
            let events = connection.wantsToWrite ? POLLIN | POLLOUT : POLLIN
            entries.append(pollfd(fd: connection.descriptor, events: Int16(events), revents: 0))
        }
        guard poll(&entries, nfds_t(entries.count), timeout()) >= 0 || errno == EINTR else { return true }
        if entries[0].revents != 0 { return true }
        for session in gatekeeper.expire(at: now) { log.line("expired \(session): not renewed in time") }
        if entries[2].revents != 0 { repair() }
        if entries[3].revents != 0 { lookAtMisses() }
        follow()
        serve(entries[5...])
        if entries[1].revents != 0 { admit() }
        log.flush()
        return false
    }

    private var now: MonotonicTime { MonotonicTime(nanoseconds: CLinux_boottime()) }

    /// Milliseconds until a session may expire; -1 is for ever.
    private func timeout() -> Int32 {
        guard let deadline = [gatekeeper.nextDeadline, following.nextTime].compactMap({ $0 }).min() else { return -1 }
        let milliseconds = (deadline - now).wholeNanoseconds / 1_000_000 + 1
        return Int32(clamping: max(0, milliseconds))
    }

    private mutating func serve(_ entries: ArraySlice<pollfd>) {
        // Taken out, so that they are changed in place while the gatekeeper is.
        var connections: [Connection] = []
        var buffer: [UInt8] = []
        swap(&connections, &self.connections)
        swap(&buffer, &readBuffer)
        defer {
            swap(&connections, &self.connections)
            swap(&buffer, &readBuffer)
        }
        // Backwards: one that is closed takes its place with it.
        for index in connections.indices.reversed() {
            let entry = entries[entries.startIndex + index]
            guard entry.revents != 0 else { continue }
            var fate = Connection.Fate.open
            if entry.revents & Int16(POLLOUT) != 0 { fate = connections[index].write() }
            if case .open = fate, entry.revents & ~Int16(POLLOUT) != 0 {
                fate = connections[index].read(into: &buffer) { requests in answer(requests) }
            }
            guard case .closed(let reason) = fate else { continue }
            log.line("connection closed: \(reason)")
            close(connections.remove(at: index).descriptor)
        }
    }

    private mutating func lookAtMisses() {
        let now = now
        packetLog?.read { source, destination in
            guard let learned = gatekeeper.noteMiss(from: source, to: destination, at: now) else { return }
            if settings.logsChanges {
                log.line("learned \(learned.session) \(learned.path), said \(learned.asked.told)")
            }
        }
        tellRestorations()
    }

    private mutating func admit() {
        while let (descriptor, user, process) = listener.accept() {
            if user != 0, user != allowedUser {
                log.line("connection refused: user \(user) (process \(process)) is not one that may ask")
                close(descriptor)
            } else if connections.count >= Self.maximumConnections {
                log.line("connection refused: \(Self.maximumConnections) are open")
                close(descriptor)
            } else {
                log.line("connection from user \(user), process \(process)")
                connections.append(Connection(descriptor: descriptor))
            }
        }
    }

    private mutating func answer(_ requests: [GateRequest]) -> [GateReply] {
        let outcomes = gatekeeper.handle(requests, at: now)
        tellRestorations()
        for (request, outcome) in zip(requests, outcomes) {
            if settings.logsChanges || !outcome.reply.isDone, let line = RequestLog.line(request, outcome) {
                log.line(line)
            }
        }
        return outcomes.map(\.reply)
    }

    // MARK: End

    private mutating func stop() {
        for connection in connections { close(connection.descriptor) }
        connections = []
        guard !settings.keepsOnExit else { return log.line("stopped; table netdev sekisho stays") }
        do throws(NetfilterError) {
            try firewall.remove()
            log.line("stopped; table netdev sekisho is removed")
        } catch {
            log.line("stopped; table netdev sekisho stays: \(error.description)")
        }
    }
}
