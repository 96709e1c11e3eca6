import GateProtocol
import SDPText
import SIPText
import SIPTransactions
import Wire

// Where the gate translates addresses, each side must be told the endpoints that it can reach: what a phone inside offers or
// answers is told outside as the external endpoints that the gate gave it, and a phone inside is told of another one inside
// where it is itself, so that their media needs no way over the gateway (hairpin, RFC 4787 section 6).
extension SessionController {
    /// A message as whoever is at `destination` shall see it: on its way out no address inside is told, on its way in none that
    /// stands for somebody inside.
    func readdressed(_ message: Message, from source: IPAddress, to destination: IPAddress, _ id: SessionID?) -> Message
    {
        guard settings.translates || settings.learnsFarEnd, !message.body.isEmpty else { return message }
        switch (settings.side(of: source), settings.side(of: destination)) {
        case (.inside, .outside): return settings.translates ? translated(message, id) : message
        case (.outside, .inside):
            guard let description = message.plainDescription, let changed = facingInside(description, from: source)
            else {
                return message
            }
            var message = message
            message.replaceDescription(with: changed)
            return message
        case (.inside, .inside), (.outside, .outside): return message
        }
    }

    /// The message as the outside shall see it. What has no external endpoint, since the gate gave none or the stream is
    /// nobody's here, is a stream that is refused: that is what it comes to.
    private func translated(_ message: Message, _ id: SessionID?) -> Message {
        guard let description = message.plainDescription else { return message }
        let bindings = id.flatMap { sessions[$0] }?.bindings ?? []
        let settings = settings
        var message = message
        do throws(EditError) {
            message.replaceDescription(
                with: try description.replacingEndpoints(
                    hiding: { !$0.isIPv6 && settings.side(of: $0) == .inside },
                    standIn: bindings.first?.external.address ?? .v4(0)
                ) { inside in bindings.first { $0.inside == inside }?.external })
        } catch {
            // Too long for a description: better none than one that leads nowhere.
            message.setBody([], contentType: nil)
            message.removeAll(.contentType)
        }
        return message
    }

    /// Why a description from inside cannot be told outside: it must be changed and may not be.
    func translationFault(_ description: SessionDescription, in message: Message, _ reading: Reading) -> Rejection? {
        guard settings.translates, reading == .disclosed || !message.mayChangeDescription else { return nil }
        let isTranslated = description.targets.contains { target in
            if case .transport(let rtp, _) = target { !rtp.address.isIPv6 } else { false }
        }
        guard isTranslated else { return nil }
        // RFC 3261 section 20.43: 305 and its like are about the description; 399 says what is to be read by people.
        return .notAcceptable("this gateway translates addresses, and may not change a protected or signed SDP")
    }

    /// A description from outside as a phone inside shall see it; nil when that is as it is. A peer that cannot be reached
    /// where it says is told at the address of its signalling: a phone that sends to where it hears from finds it there.
    private func facingInside(_ description: SessionDescription, from source: IPAddress) -> SessionDescription? {
        let direct = withoutHairpin(description)
        let known = direct ?? description
        let unreachable = settings.unreachable(in: known, from: source)
        guard !unreachable.isEmpty else { return direct }
        let changed = try? known.replacingEndpoints { unreachable.contains($0) ? Endpoint(source, $0.port) : nil }
        return changed ?? direct
    }

    /// A description from outside with what stands for phones inside replaced by where they are; nil where nothing does.
    func withoutHairpin(_ description: SessionDescription) -> SessionDescription? {
        guard settings.translates else { return nil }
        var found: [Endpoint: Endpoint] = [:]
        for target in description.targets {
            guard case .transport(let rtp, let rtcp) = target else { continue }
            for endpoint in [rtp, rtcp].compactMap({ $0 }) where !endpoint.address.isIPv6 {
                found[endpoint] = gate.insides[endpoint]
            }
        }
        for candidate in description.media.flatMap(\.candidates) {
            found[candidate.endpoint] = gate.insides[candidate.endpoint]
        }
        return found.isEmpty ? nil : try? description.replacingEndpoints { found[$0] }
    }

    /// The gate has said which external endpoints a session has. Those that it had before it may have again: the other side
    /// was told.
    mutating func note(_ bindings: [EndpointBinding], of id: SessionID) {
        guard let session = sessions[id] else { return }
        var all = bindings
        for old in session.bindings where all.count < GateLimits.holesPerSession {
            if !all.contains(where: { $0.inside == old.inside || $0.external == old.external }) { all.append(old) }
        }
        let before = session.bindings
        session.bindings = all
        announceBindings(added: all.filter { !before.contains($0) }, removed: before.filter { !all.contains($0) })
        if session.isAnswered { journal(session) }
    }

    /// A session is over: what it had outside stands for nobody.
    mutating func forgetBindings(of session: Session) { announceBindings(added: [], removed: session.bindings) }

    /// What a session wants, with the external endpoints that it shall have again.
    func withBindings(_ holes: Holes, of session: Session) -> Holes {
        guard !session.bindings.isEmpty else { return holes }
        var holes = holes
        let insides = holes.halfOpen + holes.paths.map(\.inside) + holes.learning.map(\.inside) + holes.reserved
        holes.bindings = session.bindings.filter { insides.contains($0.inside) }
        return holes
    }
}
