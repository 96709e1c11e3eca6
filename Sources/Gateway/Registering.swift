public import Registration
import SIPText
public import SIPTransactions
import Wire

/// The registrar of a gateway: its users are known by the server transactions that wait for it.
public typealias GatewayRegistrar = Registrar<TransactionID>

// REGISTER for a domain of this gateway's own, and calls to who is registered there.
extension SessionController {
    /// What can be answered before there is a transaction: requests that must have credentials and have none (RFC 3261
    /// section 22.1). It keeps nothing, and asks no location.
    mutating func statelessChallenge(to request: Message, from flow: Flow) -> Message? {
        guard registrar != nil else { return nil }
        if request.method == .register { return registrar?.statelessChallenge(to: request, at: now) }
        guard mustAuthenticate(request, flow),
            registrar?.authenticator.hasCredentials(request, .proxyAuthorization) == false,
            SubscriptionToken(carriedBy: request, settings: settings) == nil
        else { return nil }
        return registrar?.authenticator.challenge(request, .proxyAuthorization, stale: false, at: now)
    }

    /// Whether a request has to prove who sent it: it says that it is a user's of this gateway, and begins something. What
    /// belongs to a dialog was let in by the request that began it; ACK and CANCEL cannot be challenged.
    private func mustAuthenticate(_ request: Message, _ flow: Flow) -> Bool {
        guard let registrar, settings.authenticatesCalls,
            request.tag(of: .to) == nil || knownCall(of: request, from: flow) == nil
        else { return false }
        switch request.method {
        case .ack, .cancel, .register, nil: return false
        case .invite, .bye, .options, .prack, .update, .info, .message, .refer, .subscribe, .notify, .publish, .other:
            guard let sender = AddressOfRecord(of: .from, in: request) else { return false }
            return registrar.settings.domains.contains(sender.domain)
        }
    }

    /// What became of the question who sent a request.
    enum Authentication: Hashable {
        /// It need not be known.
        case notAsked
        case proved
        /// The request has been answered.
        case refused
    }

    /// Who sent a request, when it must be known.
    mutating func authenticate(_ request: inout Message, _ id: TransactionID, _ flow: Flow) -> Authentication {
        guard mustAuthenticate(request, flow),
            let verdict = registrar?.authenticator.verify(request, .proxyAuthorization, at: now)
        else { return .notAsked }
        switch verdict {
        case .authenticated(let user):
            guard AddressOfRecord(of: .from, in: request)?.user == user else {
                refuse(request, id, Rejection(403, "Forbidden", "From is not the user who authenticated"))
                return .refused
            }
            // The credentials were for this gateway (section 22.3); those for other realms go on.
            request.removeAll(.proxyAuthorization) { value in
                let credentials = try? DigestCredentials(in: value, Slice(0..<value.count))
                return credentials.map { ASCII.equal(value.octets($0.realm), realm.span) } ?? false
            }
            return .proved
        case .challenge(let isStale):
            counters.refused += 1
            if let response = registrar?.authenticator.challenge(
                request, .proxyAuthorization, stale: isStale, at: now)
            {
                answerAndForget(response, request, id)
            }
        case .forbidden:
            refuse(request, id, Rejection(403, "Forbidden", "the credentials were made for another request"))
        case .malformed(let error):
            refuse(request, id, .badBody("Proxy-Authorization", error))
        }
        return .refused
    }

    private var realm: [UInt8] { registrar?.authenticator.realm ?? [] }

    /// Takes a REGISTER that is for the registrar here.
    mutating func register(_ request: Message, _ id: TransactionID, _ flow: Flow) {
        perform(registrar?.handle(request, as: id, from: flow, at: now) ?? [])
    }

    /// A change is on the disk, or could not be put there.
    mutating func stored(_ token: StoreToken, _ succeeded: Bool) {
        perform(registrar?.stored(token, succeeded: succeeded, at: now) ?? [])
    }

    private mutating func perform(_ actions: [RegistrarAction<TransactionID>]) {
        for action in actions {
            switch action {
            case .respond(let response, let id):
                guard let status = response.status, status == 401, let request = layer.request(of: id),
                    let destination = layer.destination(of: id)
                else {
                    run(layer.respond(response, to: id))
                    continue
                }
                // Who it is is not known yet: no more than twice what was asked.
                let isReliable = destination.transport.isReliable
                run(layer.refuse(response, or: response.trimmed(to: request, isReliable: isReliable), to: id))
            case .store(let token, let change): effects.append(.store(token, change))
            }
        }
    }

    /// Whether a request is for a user of a domain that is registered here, and where that user is: the targets, those of
    /// one q together (RFC 3261 section 16.6 asks for the order, RFC 5626 section 7 for one flow of a phone at a time).
    func registeredTargets(of request: Message) -> [[Target]]? {
        guard let registrar, request.value(of: .route) == nil, let aor = AddressOfRecord(target: request),
            registrar.settings.domains.contains(aor.domain)
        else { return nil }
        var groups: [(q: UInt16, targets: [Target], phones: [[UInt8]])] = []
        for binding in registrar.contacts(of: aor, at: now) {
            let destinations = self.destinations(of: binding)
            guard !destinations.isEmpty else { continue }
            let phone = binding.flowNumber != nil ? binding.instance ?? [] : []
            // A further flow of a phone is the next way to it.
            if !phone.isEmpty, let group = groups.firstIndex(where: { $0.phones.contains(phone) }),
                let index = groups[group].phones.firstIndex(of: phone)
            {
                groups[group].targets[index].destinations += destinations
                continue
            }
            let target = Target(uri: binding.contact, route: binding.path, destinations: destinations)
            if groups.last?.q == binding.q {
                groups[groups.count - 1].targets.append(target)
                groups[groups.count - 1].phones.append(phone)
            } else {
                groups.append((binding.q, [target], [phone]))
            }
        }
        return groups.map(\.targets)
    }

    /// The ways to a contact: through its Path, else back where its REGISTER came from, else where its URI says.
    private func destinations(of binding: Binding) -> [Destination] {
        if let first = binding.path.first {
            guard let path = NameAddress(in: first.span, Slice(0..<first.count)),
                let uri = try? URI(in: first.span, path.uri)
            else { return [] }
            if let route = settings.route(for: uri, in: first.span) { return [route.destination] }
            return Routing.address(of: path.uri, in: first.span).map { [settings.named($0)] } ?? []
        }
        let source = Destination(binding.flow.transport, binding.flow.remote, connection: binding.flow.connection)
        if binding.flowNumber != nil { return [source] }
        guard let contact = Routing.address(of: Slice(0..<binding.contact.count), in: binding.contact.span),
            contact.remote.address == binding.flow.remote.address
        else { return [source] }
        // A phone that is not behind someone else's translation: what it says of itself holds.
        guard contact.transport.isReliable, contact.transport == source.transport else { return [contact] }
        return contact.remote == source.remote ? [source] : [source, contact]
    }
}
