public import GateProtocol
public import Wire

/// One entry of a session: what is open, whatever else goes with it.
public enum Hole: Hashable, Sendable {
    /// Any source may send to the inside endpoint.
    case halfOpen(Endpoint)
    /// Exactly these two endpoints may send to each other.
    case path(MediaPath)
    /// Nothing is open yet: the first packet from the one address makes it a path.
    case learning(LearningPath)
    /// Nothing is open; the inside endpoint has an external one.
    case reserved(Endpoint)

    var isHalfOpen: Bool {
        switch self {
        case .halfOpen: true
        case .path, .learning, .reserved: false
        }
    }

    var isReserved: Bool {
        switch self {
        case .reserved: true
        case .halfOpen, .path, .learning: false
        }
    }

    /// The endpoint that a refusal names.
    var inside: Endpoint {
        switch self {
        case .halfOpen(let inside): inside
        case .path(let path): path.inside
        case .learning(let path): path.inside
        case .reserved(let inside): inside
        }
    }
}

extension Holes {
    /// The entries without repetitions, half-open ones first. Sessions have so few that comparing costs less than a set.
    var entries: [Hole] {
        var entries: [Hole] = []
        entries.reserveCapacity(count)
        func append(_ hole: Hole) {
            if !entries.contains(hole) { entries.append(hole) }
        }
        for inside in halfOpen { append(.halfOpen(inside)) }
        for path in paths { append(.path(path)) }
        for path in learning { append(.learning(path)) }
        for inside in reserved { append(.reserved(inside)) }
        return entries
    }
}

/// A hole with where its packets go, and what went through it until its elements were last made anew.
public struct OpenHole: Hashable, Sendable {
    /// What is open.
    public let hole: Hole
    /// The neighbour toward the inside endpoint.
    public var insideHop: IPAddress
    /// The neighbour toward the outside endpoint; nil where nothing is let out.
    public var outsideHop: IPAddress?
    /// What the inside endpoint is outside, where it is translated.
    public var external: Endpoint?
    /// Which way its packets take.
    public var forwarding: MediaForwarding
    /// What the path was learned for; nil for one that was asked for as it is.
    public var learnedFor: LearningPath?
    /// Whether an earlier gate opened it, and nobody has said since what for.
    public var isInherited = false
    /// Whether it is closed because there is no way to one of its ends.
    public var isSuspended = false
    /// Counts carried over. The kernel counts an element from its making; when it is made anew, the exact count of the
    /// old one comes back with the acknowledgement, too late to be the start value of the new one.
    public var outgoingBefore = Traffic()
    /// The carried-over count of what came in.
    public var incomingBefore = Traffic()

    /// A hole with its next hops and nothing counted.
    public init(
        _ hole: Hole, insideHop: IPAddress, outsideHop: IPAddress?, external: Endpoint? = nil,
        forwarding: MediaForwarding = .fast
    ) {
        self.forwarding = forwarding
        self.hole = hole
        self.insideHop = insideHop
        self.outsideHop = outsideHop
        self.external = external
    }

    /// The same with nothing open, where it was open to any source; what came in is counted no more.
    var withoutAnySource: OpenHole {
        guard case .halfOpen(let inside) = hole else { return self }
        return OpenHole(
            .reserved(inside), insideHop: insideHop, outsideHop: nil, external: external, forwarding: forwarding)
    }

    /// The key of the element that lets packets in, or nil.
    public var incoming: ElementKey? {
        switch hole {
        case .halfOpen(let inside):
            external.map { .translatedAny(to: $0, forwarding) } ?? .any(to: inside, forwarding)
        case .path(let path):
            external.map { .translatedIncoming(from: path.outside, to: $0, forwarding) }
                ?? .incoming(from: path.outside, to: path.inside, forwarding)
        case .learning, .reserved: nil
        }
    }

    /// The key of the element that lets packets out, or nil.
    public var outgoing: ElementKey? {
        switch hole {
        case .halfOpen, .learning, .reserved: nil
        case .path(let path):
            external == nil
                ? .outgoing(from: path.inside, to: path.outside, forwarding)
                : .translatedOutgoing(from: path.inside, to: path.outside, forwarding)
        }
    }

    /// The key of the element by which packets that have been let out get their source, or nil: on the fast path the element
    /// that lets them out says it.
    var source: ElementKey? {
        guard case .path(let path) = hole, external != nil, forwarding == .routed else { return nil }
        return .source(of: path.inside, to: path.outside)
    }

    /// The keys of the elements of the hole that count: one for each direction.
    public var keys: [ElementKey] { [outgoing, incoming].compactMap { $0 } }

    /// The elements of these holes of a session.
    ///
    /// - Parameter halfOpenLifetime: how long the kernel holds those that are open to any source; nil is as long as others.
    public static func elements(
        of holes: [OpenHole], in session: SessionID, halfOpenLifetime: Duration? = nil
    ) -> [SetElement] {
        var elements: [SetElement] = []
        elements.reserveCapacity(2 * holes.count)
        for hole in holes where !hole.isSuspended {
            if let key = hole.outgoing, let hop = hole.outsideHop {
                elements.append(
                    SetElement(
                        key, via: hop, translation: key.map.translates ? hole.external : nil, of: session))
            }
            if let key = hole.source {
                elements.append(SetElement(key, via: nil, translation: hole.external, of: session))
            }
            guard let key = hole.incoming else { continue }
            elements.append(
                SetElement(
                    key, via: hole.insideHop, translation: hole.external.map { _ in hole.hole.inside }, of: session,
                    lifetime: hole.hole.isHalfOpen ? halfOpenLifetime : nil))
        }
        return elements
    }

    /// Adds what the kernel counted to what was carried over.
    mutating func carry(_ counts: [ElementKey: Traffic]) {
        if let incoming, let count = counts[incoming] { incomingBefore = incomingBefore + count }
        if let outgoing, let count = counts[outgoing] { outgoingBefore = outgoingBefore + count }
    }
}

extension HoleReport {
    /// The report of the holes of a session.
    ///
    /// - Parameter counts: what the kernel counted in the present elements.
    init(session: SessionID, _ holes: [OpenHole], counts: [ElementKey: Traffic]) {
        self.init(session: session)
        for var open in holes {
            open.carry(counts)
            switch open.hole {
            case .halfOpen(let inside):
                halfOpen.append(
                    HalfOpenReport(inside: inside, external: open.external, incoming: open.incomingBefore))
            case .path(let path):
                paths.append(
                    PathReport(
                        path: path, external: open.external, outgoing: open.outgoingBefore,
                        incoming: open.incomingBefore))
            case .learning, .reserved: break
            }
        }
    }
}
