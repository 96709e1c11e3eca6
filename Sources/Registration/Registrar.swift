public import SIPText
public import SIPTransactions
public import Wire

/// A registrar and its location service (RFC 3261 section 10.3, RFC 3327, RFC 5626, RFC 8760).
///
/// The way of a REGISTER: `handle` → `screen` (domain, Require, Digest, whose address it is: steps 1 to 5) → `begin` (one
/// change of an address-of-record at a time) → `RegisterUpdate` (steps 6 and 7, all or nothing) → `.store` → `stored` → 200
/// (step 8). Until the change is on the disk nobody is told of it and nobody is reached by it.
public struct Registrar<Reference: Hashable & Sendable> {
    /// What the operator said.
    public let settings: RegistrarSettings
    /// Who may authenticate; a proxy asks the same one, so that a nonce counts once.
    public var authenticator: DigestAuthenticator
    /// Where everyone is.
    private var locations = LocationTable()
    private var storing: [StoreToken: Pending] = [:]
    private var busy: Set<AddressOfRecord> = []
    private var waiting: [AddressOfRecord: [Job]] = [:]
    private var lastToken: UInt64 = 0

    /// A REGISTER that has passed the checks that need no binding.
    struct Job {
        var request: Message
        var reference: Reference
        var flow: Flow
        var aor: AddressOfRecord
    }

    /// A change that is being stored.
    private struct Pending {
        /// Nil for a change that no request asked for.
        var job: Job?
        var change: LocationChange
        var usesOutbound: Bool
        /// Connections that closed meanwhile.
        var closed: Set<UInt64> = []
    }

    /// A registrar without users and bindings.
    public init(settings: RegistrarSettings, authenticator: DigestAuthenticator) {
        self.settings = settings
        self.authenticator = authenticator
    }
}

// MARK: - Requests

extension Registrar {
    /// Whether a request's Request-URI is in a domain whose registrar this is; a REGISTER for another is proxied
    /// (RFC 3261 section 10.3, step 1).
    public func isResponsible(for request: Message) -> Bool {
        guard let slice = request.requestURI, let domain = AddressOfRecord.domain(ofURI: request.octets(slice)) else {
            return false
        }
        return settings.domains.contains(domain)
    }

    /// The challenge to a REGISTER that has no credentials for this realm, made without keeping anything: it can be sent
    /// before there is a transaction. Nil for every other request.
    public mutating func statelessChallenge(to request: Message, at time: MonotonicTime) -> Message? {
        guard request.method == .register, isResponsible(for: request),
            !authenticator.hasCredentials(request, .authorization)
        else { return nil }
        return authenticator.challenge(request, .authorization, stale: false, at: time)
    }

    /// Takes a REGISTER.
    ///
    /// - Parameters:
    ///   - reference: what the response is to be sent to.
    ///   - flow: the way the request came.
    /// - Returns: a response, or a change to store; nothing while an earlier change of the same user is being stored.
    public mutating func handle(
        _ request: Message, as reference: Reference, from flow: Flow, at time: MonotonicTime
    ) -> [RegistrarAction<Reference>] {
        do throws(RegistrarRejection) {
            switch try screen(request, at: time) {
            case .challenge(let response): return [.respond(response, to: reference)]
            case .accepted(let aor):
                return begin(Job(request: request, reference: reference, flow: flow, aor: aor), at: time)
            }
        } catch { return [refuse(error, request, reference)] }
    }

    private enum Screening {
        case challenge(Message)
        case accepted(AddressOfRecord)
    }

    /// RFC 3261 section 10.3, steps 1 to 5.
    private mutating func screen(
        _ request: Message, at time: MonotonicTime
    ) throws(RegistrarRejection) -> Screening {
        guard request.method == .register else {
            throw RegistrarRejection(405, "Method Not Allowed", [(.allow, Array("REGISTER".utf8))])
        }
        guard isResponsible(for: request) else { throw RegistrarRejection(404, "Not Found") }
        let unknown = OptionTags.values(of: .require, in: request).filter { !OptionTags.isSupported($0) }
        guard unknown.isEmpty else {
            throw RegistrarRejection(
                420, "Bad Extension", [(.unsupported, Array(unknown.joined(separator: [ASCII.comma])))])
        }
        let user: [UInt8]
        switch authenticator.verify(request, .authorization, at: time) {
        case .challenge(let isStale):
            return .challenge(authenticator.challenge(request, .authorization, stale: isStale, at: time))
        case .forbidden: throw RegistrarRejection(403, "Credentials were made for another request")
        case .malformed(let error): throw RegistrarRejection(error)
        case .authenticated(let name): user = name
        }
        guard let aor = AddressOfRecord(of: .to, in: request) else {
            throw RegistrarRejection(400, "Bad Request: To is not an address of record")
        }
        // No third-party registration: who authenticates registers itself, and From says the same (section 10.2, From).
        guard aor.user == user, AddressOfRecord(of: .from, in: request) == aor else {
            throw RegistrarRejection(403, "Registering for someone else")
        }
        guard settings.domains.contains(aor.domain) else { throw RegistrarRejection(404, "Not Found") }
        return .accepted(aor)
    }

    /// Begins the job, or lets it wait for the change before it.
    private mutating func begin(_ job: Job, at time: MonotonicTime) -> [RegistrarAction<Reference>] {
        guard job.request.firstIndex(of: .contact) != nil else {
            // A query changes nothing (step 6, first case).
            return [.respond(accepted(job.request, job.aor, usesOutbound: false, at: time), to: job.reference)]
        }
        if busy.contains(job.aor) {
            guard waiting[job.aor]?.count ?? 0 < RegistrationLimits.waitingForStore else {
                return [refuse(.unavailable, job.request, job.reference)]
            }
            waiting[job.aor, default: []].append(job)
            return []
        }
        guard storing.count < RegistrationLimits.pendingStores else {
            return [refuse(.unavailable, job.request, job.reference)]
        }
        do throws(RegistrarRejection) {
            let update = RegisterUpdate(
                request: job.request, flow: job.flow, settings: settings, rows: locations.rows(of: job.aor, at: time),
                time: time)
            let outcome = try update.outcome()
            let change = LocationChange(aor: job.aor, bindings: outcome.bindings)
            return [store(Pending(job: job, change: change, usesOutbound: outcome.usesOutbound))]
        } catch { return [refuse(error, job.request, job.reference)] }
    }

    private mutating func store(_ pending: Pending) -> RegistrarAction<Reference> {
        lastToken += 1
        let token = StoreToken(number: lastToken)
        storing[token] = pending
        busy.insert(pending.change.aor)
        return .store(token, pending.change)
    }

    /// Says how storing a change went. Only now the request that asked for it is answered: 200, or 503 with everything as
    /// it was before.
    public mutating func stored(
        _ token: StoreToken, succeeded: Bool, at time: MonotonicTime
    ) -> [RegistrarAction<Reference>] {
        guard let pending = storing.removeValue(forKey: token) else { return [] }
        let aor = pending.change.aor
        busy.remove(aor)
        var actions: [RegistrarAction<Reference>] = []
        if let job = pending.job {
            if !succeeded {
                actions.append(refuse(.unavailable, job.request, job.reference))
            } else if authenticator.hasUser(aor.user) {
                locations.replace(
                    aor,
                    with: pending.change.bindings.filter {
                        $0.sustainingConnection.map { !pending.closed.contains($0) } ?? true
                    })
                actions.append(
                    .respond(
                        accepted(job.request, aor, usesOutbound: pending.usesOutbound, at: time), to: job.reference))
            } else {
                // The user was removed while this was being stored: the disk must forget it, too.
                actions.append(refuse(RegistrarRejection(403, "Forbidden"), job.request, job.reference))
                let nothing = LocationChange(aor: aor, bindings: [])
                actions.append(store(Pending(job: nil, change: nothing, usesOutbound: false)))
            }
        }
        while !busy.contains(aor), var queue = waiting[aor] {
            let next = queue.removeFirst()
            waiting[aor] = queue.isEmpty ? nil : queue
            if authenticator.hasUser(aor.user) {
                actions += begin(next, at: time)
            } else {
                actions.append(refuse(RegistrarRejection(403, "Forbidden"), next.request, next.reference))
            }
        }
        return actions
    }

    private func refuse(
        _ rejection: RegistrarRejection, _ request: Message, _ reference: Reference
    ) -> RegistrarAction<Reference> {
        var response = Message(
            status: rejection.status, phrase: rejection.phrase, to: request, tag: authenticator.tag(for: request))
        for (name, value) in rejection.fields { response.append(name, value) }
        return .respond(response, to: reference)
    }

    /// RFC 3261 section 10.3, step 8: 200 with every binding there is now.
    private func accepted(
        _ request: Message, _ aor: AddressOfRecord, usesOutbound: Bool, at time: MonotonicTime
    ) -> Message {
        var response = Message(status: 200, reason: "OK", to: request, tag: authenticator.tag(for: request))
        for binding in locations.bindings(of: aor, at: time) {
            response.append(.contact, binding.contactValue(at: time))
        }
        // RFC 3327 section 5.3: the phone sees by which way it will be reached.
        response.appendFields(of: .path, from: request)
        response.append(.supported, Array("path, outbound".utf8))
        if usesOutbound {
            response.append(.require, Array("outbound".utf8))
            var seconds: [UInt8] = []
            ASCII.append(decimal: settings.flowTimer, to: &seconds)
            response.append(named: Array("Flow-Timer".utf8), seconds)
        }
        return response
    }
}

// MARK: - Look-up and upkeep

extension Registrar {
    /// Where to send a request for an address-of-record; see `LocationTable.bindings`. Empty for a user who is not there
    /// and for one who is nowhere.
    public func contacts(of aor: AddressOfRecord, at time: MonotonicTime) -> [Binding] {
        locations.bindings(of: aor, at: time)
    }

    /// Whether an address-of-record is a user's in a domain of this registrar.
    public func isUser(_ aor: AddressOfRecord) -> Bool {
        settings.domains.contains(aor.domain) && authenticator.hasUser(aor.user)
    }

    /// Addresses-of-record with bindings.
    public var registered: Int { locations.count }

    /// Takes the bindings that a store held when the process began. Those of users and domains that are gone are left out,
    /// and so are flows over connections, which ended with the process before.
    public mutating func restore(_ changes: [LocationChange], at time: MonotonicTime) {
        for change in changes where isUser(change.aor) {
            var bindings = change.bindings.filter {
                $0.expires > time && !($0.flowNumber != nil && $0.path.isEmpty && $0.flow.transport.isReliable)
            }
            for index in bindings.indices { bindings[index].flow.connection = nil }
            locations.replace(change.aor, with: bindings)
        }
    }

    /// Takes over what another registrar of the same domains has stored.
    public mutating func adopt(_ change: LocationChange) {
        guard isUser(change.aor) else { return }
        locations.replace(change.aor, with: change.bindings)
    }

    /// Takes these users in place of those before. Who is not among them is no longer reached; the store forgets their
    /// bindings with them.
    public mutating func replaceUsers(_ users: [RegisteredUser]) {
        authenticator.replaceUsers(users)
        locations.keep { authenticator.hasUser($0.user) }
    }

    /// Forgets the bindings that were flows over a connection that has closed (RFC 5626 section 6).
    public mutating func connectionClosed(_ connection: UInt64) {
        locations.removeRows(on: connection)
        for token in storing.keys { storing[token]?.closed.insert(connection) }
    }

    /// Frees the memory of bindings that have ended; they are not looked up any more either way. Call it now and then.
    public mutating func removeEnded(at time: MonotonicTime) { locations.removeEnded(at: time) }
}
