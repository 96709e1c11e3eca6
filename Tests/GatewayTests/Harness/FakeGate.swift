import GateProtocol
import Gateway
import Wire

/// The gate of a script: it keeps holes as the protocol says, closes what nobody renews, and fails where it is told to.
final class FakeGate {
    /// What a script sees of a request: the session's number left out.
    enum Asked: Equatable, CustomStringConvertible {
        case open([Endpoint])
        case narrow(halfOpen: [Endpoint] = [], [MediaPath])
        case close

        var description: String {
            switch self {
            case .open(let endpoints): "open any->\(endpoints)"
            case .narrow(let halfOpen, let paths): "narrow \(Holes(halfOpen: halfOpen, paths: paths))"
            case .close: "close"
            }
        }
    }

    /// What goes wrong at one request, counted from 0 over those that change something.
    enum Fault: Equatable {
        case refuse(GateRefusal.Reason)
        /// The gate goes away; what it was asked last may have been done all the same.
        case vanish(afterDoing: Bool)
    }

    struct Entry {
        var holes: Holes
        var expires: MonotonicTime
    }

    let holeTimeout = Duration.seconds(60)
    var isConnected = true
    /// Requests wait for `Script.answerGate` instead of being answered at once.
    var isManual = false
    /// How long an answer takes; nil is at once.
    var delay: Duration?
    /// Connections so far: what was asked on one is not answered on the next.
    var connections = 0
    var entries: [SessionID: Entry] = [:]
    var waiting: [(token: GateToken, request: GateRequest)] = []
    /// Every request that changes something, in order.
    var asked: [Asked] = []
    var faults: [Int: Fault] = [:]
    var renewals: [[SessionID]] = []
    /// The address that inside IPv4 endpoints are seen as outside; nil when they are not translated.
    var external: IPAddress?
    /// The bindings that requests wanted again.
    private(set) var wanted: [EndpointBinding] = []
    /// Ports are given out by turns, in pairs; each is its endpoint's for good.
    private var given: [Endpoint: Endpoint] = [:]
    private var nextPair: UInt16 = 30_000
    /// Whether no packet goes through any hole.
    var isSilent = false

    /// Everything that is open.
    func open(at now: MonotonicTime) -> [Holes] {
        entries.values.filter { $0.expires > now }.map(\.holes).filter { !$0.isEmpty }
    }

    /// Notes a request and gives the fault that befalls it.
    func note(_ request: GateRequest) -> Fault? {
        switch request {
        case .openFromAny(_, let inside): asked.append(.open(inside))
        case .narrow(_, let holes): asked.append(.narrow(halfOpen: holes.halfOpen, holes.paths))
        case .close: asked.append(.close)
        case .renew(let sessions):
            renewals.append(sessions)
            return nil
        case .hello, .list: return nil
        }
        return faults[asked.count - 1]
    }

    /// Does what is asked.
    func perform(_ request: GateRequest, at now: MonotonicTime) -> GateReply {
        entries = entries.filter { $0.value.expires > now }
        switch request {
        case .hello:
            return .welcome(version: GateFrame.version, holeTimeout: holeTimeout, translates: external != nil)
        case .openFromAny(let id, let inside):
            entries[id] = Entry(holes: Holes(halfOpen: inside), expires: now + holeTimeout)
            return bound(inside)
        case .narrow(let id, var holes):
            wanted += holes.bindings
            holes.bindings = []
            entries[id] = Entry(holes: holes, expires: now + holeTimeout)
            return bound(
                holes.halfOpen + holes.paths.map(\.inside) + holes.learning.map(\.inside) + holes.reserved)
        case .close(let id):
            guard let entry = entries.removeValue(forKey: id) else { return .completed }
            return .closed(Self.report(id, entry.holes))
        case .renew(let sessions):
            for id in sessions { entries[id]?.expires = now + holeTimeout }
            return .renewed(
                missing: sessions.filter { entries[$0] == nil },
                silent: isSilent ? sessions.filter { entries[$0] != nil } : [])
        case .list(let after):
            let page = entries.filter { entry in after.map { $0 < entry.key } ?? true }.sorted { $0.key < $1.key }
            let reports = page.prefix(GateLimits.reportsPerPage).map { id, entry in Self.report(id, entry.holes) }
            return .listed(reports, more: page.count > reports.count)
        }
    }

    private static func report(_ id: SessionID, _ holes: Holes) -> HoleReport {
        HoleReport(
            session: id, halfOpen: holes.halfOpen.map { HalfOpenReport(inside: $0, incoming: Traffic()) },
            paths: holes.paths.map { PathReport(path: $0, outgoing: Traffic(), incoming: Traffic()) })
    }

    private func bound(_ insides: [Endpoint]) -> GateReply {
        guard let external else { return .completed }
        var bindings: [EndpointBinding] = []
        for inside in insides where !inside.address.isIPv6 && !bindings.contains(where: { $0.inside == inside }) {
            bindings.append(EndpointBinding(inside: inside, external: binding(of: inside, at: external)))
        }
        return bindings.isEmpty ? .completed : .bound(bindings)
    }

    private func binding(of inside: Endpoint, at external: IPAddress) -> Endpoint {
        if let known = given[inside] { return known }
        let rtp = given[Endpoint(inside.address, inside.port - 1)]
        let new = rtp.map { Endpoint(external, $0.port + 1) } ?? Endpoint(external, nextPair)
        if rtp == nil { nextPair += 2 }
        given[inside] = new
        return new
    }

    /// What an endpoint is outside, if it has been asked for.
    func external(of inside: Endpoint) -> Endpoint? { given[inside] }
}
