import GateProtocol
import Wire

// Which external endpoints the holes of a session have: before the kernel is told, and after it has agreed.
extension Gatekeeper {
    /// Gives every hole whose inside endpoint is translated its external one.
    ///
    /// - Parameter kept: external endpoints that inside ones shall have again where they can.
    /// - Returns: the inside endpoints that had none before.
    mutating func bind(
        _ holes: inout [OpenHole], keeping kept: [EndpointBinding], at now: MonotonicTime
    ) throws(GateFailure) -> [Endpoint] {
        guard bindings.isEnabled else { return [] }
        var bound: [Endpoint] = []
        for index in holes.indices {
            let inside = holes[index].hole.inside
            guard bindings.translates(inside) else { continue }
            let isNew = bindings.external(of: inside) == nil
            let wanted = kept.first { $0.inside == inside }?.external
            guard let external = bindings.bind(inside, wanted: wanted, at: now, using: &random) else {
                for endpoint in bound { bindings.forget(endpoint) }
                throw .refused(GateRefusal(.noPort, endpoint: inside))
            }
            if isNew { bound.append(inside) }
            holes[index].external = external
        }
        return bound
    }

    /// A change is not to be: what it alone had got is free again.
    mutating func forget(_ change: Change) {
        for endpoint in change.bound { bindings.forget(endpoint) }
    }

    /// The kernel has agreed: the bindings of what is new are in use, those of what has closed no more.
    ///
    /// - Returns: the bindings of what is open now.
    mutating func account(for holes: [OpenHole], instead before: [OpenHole], at now: MonotonicTime) -> [EndpointBinding]
    {
        guard bindings.isEnabled else { return [] }
        for hole in holes where !before.contains(where: { $0.hole == hole.hole }) { bindings.use(hole.hole.inside) }
        for hole in before where !holes.contains(where: { $0.hole == hole.hole }) {
            bindings.drop(hole.hole.inside, at: now)
        }
        var all: [EndpointBinding] = []
        for hole in holes {
            guard let external = hole.external, !all.contains(where: { $0.inside == hole.hole.inside }) else {
                continue
            }
            all.append(EndpointBinding(inside: hole.hole.inside, external: external))
        }
        return all
    }

    /// Takes over the bindings that the kernel's elements show.
    ///
    /// - Returns: whether they are what this gate would have given; else none of them is taken.
    mutating func takeBindings(of holes: [OpenHole], at now: MonotonicTime) -> Bool {
        var taken: [Endpoint] = []
        for hole in holes {
            let inside = hole.hole.inside
            guard bindings.translates(inside) else {
                guard hole.external == nil else { return giveBack(taken, at: now) }
                continue
            }
            guard let external = hole.external,
                bindings.bind(inside, wanted: external, at: now, using: &random) == external
            else {
                bindings.forget(inside)
                return giveBack(taken, at: now)
            }
            bindings.use(inside)
            taken.append(inside)
        }
        return true
    }

    private mutating func giveBack(_ taken: [Endpoint], at now: MonotonicTime) -> Bool {
        for inside in taken { bindings.drop(inside, at: now) }
        return false
    }
}
