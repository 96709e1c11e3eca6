import SIPText
import SIPTransactions
import Wire

/// What a REGISTER makes of the bindings there are (RFC 3261 section 10.3, steps 6 and 7): all of it or nothing.
struct RegisterUpdate {
    let request: Message
    let flow: Flow
    let settings: RegistrarSettings
    /// The rows of the address-of-record that have not ended.
    let rows: [Binding]
    let time: MonotonicTime

    struct Outcome {
        var bindings: [Binding]
        /// Whether a row was made or refreshed as a flow of RFC 5626.
        var usesOutbound = false
    }

    func outcome() throws(RegistrarRejection) -> Outcome {
        let expires = try expiresField()
        let values = request.values(of: .contact)
        let callID = request.value(of: .callID).map(request.copy) ?? []
        if values.contains(where: { ASCII.equal(request.octets($0), "*") }) {
            guard values.count == 1, expires == 0, request.number(of: .expires, upTo: 0) != nil else {
                throw RegistrarRejection(400, "Bad Request: Contact * needs Expires 0 and no other Contact")
            }
            for row in rows { try checkOrder(row, callID) }
            return Outcome(bindings: [])
        }
        guard values.count <= RegistrationLimits.contactsInRequest else {
            throw RegistrarRejection(
                ParseError(.tooMany, in: "Contact", at: Int(values[RegistrationLimits.contactsInRequest].start)))
        }
        let path = try pathValues()
        let outbound = outboundSupport(path)
        var contacts: [RegisteredContact] = []
        for value in values {
            var contact: RegisteredContact
            do throws(ParseError) { contact = try RegisteredContact(in: request, value) } catch {
                throw RegistrarRejection(error)
            }
            try take(outbound, into: &contact)
            contacts.append(contact)
        }
        try checkFlows(contacts)
        return try apply(contacts, fallback: expires ?? settings.defaultExpires, path, callID)
    }

    private func apply(
        _ contacts: [RegisteredContact], fallback: UInt64, _ path: [[UInt8]], _ callID: [UInt8]
    ) throws(RegistrarRejection) -> Outcome {
        var outcome = Outcome(bindings: rows)
        var touched: [Binding] = []
        for contact in contacts {
            let seconds = try granted(contact.expires ?? fallback)
            var binding = Binding(
                contact: contact.uri, q: contact.q, expires: time + .seconds(seconds), callID: callID,
                sequence: request.cseq.number, flow: flow)
            binding.path = path
            binding.instance = contact.instance
            binding.flowNumber = contact.flowNumber
            guard !touched.contains(where: binding.isSameRow) else {
                throw RegistrarRejection(400, "Bad Request: the same Contact is given twice")
            }
            touched.append(binding)
            if let index = outcome.bindings.firstIndex(where: binding.isSameRow) {
                try checkOrder(outcome.bindings[index], callID)
                outcome.bindings.remove(at: index)
            }
            guard seconds > 0 else { continue }
            outcome.bindings.insert(binding, at: 0)
            outcome.usesOutbound = outcome.usesOutbound || binding.flowNumber != nil
        }
        guard outcome.bindings.count <= settings.contactsPerUser else {
            throw RegistrarRejection(403, "Too many contacts registered")
        }
        return outcome
    }

    /// A REGISTER may change what the same device registered before only when it is the later one.
    private func checkOrder(_ row: Binding, _ callID: [UInt8]) throws(RegistrarRejection) {
        guard row.callID != callID || request.cseq.number > row.sequence else {
            throw RegistrarRejection(500, "CSeq is not higher than that of the binding")
        }
    }

    /// The Expires field; one that cannot be read says nothing (RFC 3261 section 10.2.1.1).
    private func expiresField() throws(RegistrarRejection) -> UInt64? {
        let rows = request.fields.filter { $0.name == .expires }
        if rows.count > 1 {
            throw RegistrarRejection(ParseError(.duplicate, in: "Expires", at: Int(rows[1].value.start)))
        }
        return request.number(of: .expires, upTo: RegistrationLimits.expiresSeconds)
    }

    /// What is granted of the seconds that were asked for.
    private func granted(_ seconds: UInt64) throws(RegistrarRejection) -> UInt64 {
        if seconds > 0, seconds < settings.minimumExpires {
            var least: [UInt8] = []
            ASCII.append(decimal: settings.minimumExpires, to: &least)
            throw RegistrarRejection(423, "Interval Too Brief", [(.minExpires, least)])
        }
        return min(seconds, settings.maximumExpires)
    }
}

// MARK: - Path and outbound

extension RegisterUpdate {
    private enum OutboundSupport {
        /// The phone and everything on the way can do it.
        case full
        /// The phone did not say that it can, or there is nothing to keep the flow alive: `reg-id` says nothing.
        case none
        /// The phone can and the first proxy on its way cannot.
        case lackedByFirstHop
    }

    /// RFC 3327 section 5.3: the Path of a request is only kept when its sender knows what that means.
    private func pathValues() throws(RegistrarRejection) -> [[UInt8]] {
        let values = request.values(of: .path)
        guard let first = values.first else { return [] }
        guard OptionTags.isKnown("path", toSenderOf: request) else {
            throw RegistrarRejection(
                420, "Bad Extension: Path without Supported: path", [(.unsupported, Array("path".utf8))])
        }
        guard values.count <= RegistrationLimits.pathValues else {
            throw RegistrarRejection(ParseError(.tooMany, in: "Path", at: Int(first.start)))
        }
        var path: [[UInt8]] = []
        for value in values {
            guard value.count <= RegistrationLimits.pathOctets else {
                throw RegistrarRejection(ParseError(.tooLong, in: "Path", at: Int(value.start)))
            }
            let bytes = request.bytes.span
            guard let address = NameAddress(in: bytes, value), let uri = try? URI(in: bytes, address.uri),
                uri.scheme != .other
            else { throw RegistrarRejection(ParseError(.unexpectedOctet, in: "Path", at: Int(value.start))) }
            path.append(request.copy(value))
        }
        return path
    }

    /// RFC 5626 section 6: whether this registrar, or the proxy that is the phone's first hop, keeps the phone's flow. That
    /// proxy's Path value is the lowest one, and says `ob`.
    private func outboundSupport(_ path: [[UInt8]]) -> OutboundSupport {
        guard OptionTags.isKnown("outbound", toSenderOf: request) else { return .none }
        if request.values(of: .via).count == 1 {
            return flow.transport.isReliable || settings.allowsDatagramFlows ? .full : .none
        }
        guard let lowest = path.last else { return .lackedByFirstHop }
        let bytes = lowest.span
        guard let address = NameAddress(in: bytes, Slice(0..<lowest.count)), let uri = try? URI(in: bytes, address.uri),
            uri.parameters.contains("ob", in: bytes)
        else { return .lackedByFirstHop }
        return .full
    }

    /// Decides about a contact's `reg-id`, which says nothing without an instance.
    private func take(
        _ outbound: OutboundSupport, into contact: inout RegisteredContact
    ) throws(RegistrarRejection) {
        guard contact.flowNumber != nil else { return }
        if contact.instance == nil { contact.flowNumber = nil }
        switch outbound {
        case .full: return
        case .none: contact.flowNumber = nil
        case .lackedByFirstHop:
            guard contact.flowNumber == nil else {
                throw RegistrarRejection(439, "First Hop Lacks Outbound Support")
            }
        }
    }

    /// One flow at a time: the request came by one only (RFC 5626 section 6).
    private func checkFlows(_ contacts: [RegisteredContact]) throws(RegistrarRejection) {
        let fallback = request.number(of: .expires, upTo: RegistrationLimits.expiresSeconds)
        let made = contacts.filter { ($0.expires ?? fallback ?? settings.defaultExpires) > 0 }
        guard made.count < 2 || made.allSatisfy({ $0.flowNumber == nil }) else {
            throw RegistrarRejection(400, "Bad Request: several Contacts and reg-id")
        }
    }
}
