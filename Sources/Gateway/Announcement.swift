public import GateProtocol
public import Wire

/// What the controllers of several event loops tell each other. A call that a server outside made into two has two Call-IDs,
/// and its two legs may be of different loops: each must know whom the other is with.
public enum Announcement: Sendable, Equatable {
    /// External endpoints stand for inside ones now, or do no more.
    case bindings(added: [EndpointBinding], removed: [EndpointBinding])
    /// A phone inside is in one call more, or in one less.
    case phone(IPAddress, isThere: Bool)
}

/// What a controller knows of the calls of the others.
struct CallsElsewhere: Sendable {
    /// Calls of each phone inside that has any.
    private var phones: [IPAddress: Int] = [:]

    func contains(_ phone: IPAddress) -> Bool { phones[phone] != nil }

    mutating func note(_ phone: IPAddress, isThere: Bool) {
        let count = phones[phone, default: 0] + (isThere ? 1 : -1)
        phones[phone] = count > 0 ? count : nil
    }
}

extension SessionController {
    /// Takes into account what another controller has told.
    mutating func take(_ announcement: Announcement) {
        switch announcement {
        case .bindings(let added, let removed): gate.note(added: added, removed: removed)
        case .phone(let address, let isThere): callsElsewhere.note(address, isThere: isThere)
        }
    }

    mutating func announceBindings(added: [EndpointBinding], removed: [EndpointBinding]) {
        guard !added.isEmpty || !removed.isEmpty else { return }
        gate.note(added: added, removed: removed)
        if settings.shares > 1 { effects.append(.announce(.bindings(added: added, removed: removed))) }
    }

    /// Tells of the phones inside that are in a call, or were.
    mutating func announcePhones(of session: Session, isThere: Bool) {
        guard settings.shares > 1 else { return }
        var phones: [IPAddress] = []
        for place in [session.caller] + session.callees where place.side == .inside && !phones.contains(place.address) {
            phones.append(place.address)
            effects.append(.announce(.phone(place.address, isThere: isThere)))
        }
    }

    /// Whether a phone inside is in another call than this session's.
    func isInOtherCall(_ phone: IPAddress, than session: Session) -> Bool {
        callsElsewhere.contains(phone) || sessions.values.contains { $0 !== session && $0.hasInsideParty(at: phone) }
    }
}
