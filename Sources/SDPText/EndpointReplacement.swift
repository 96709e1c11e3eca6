public import Wire

extension SessionDescription {
    /// The description with other endpoints in place of those that have one: address and port of each stream, its RTCP, and its
    /// candidates, with them the address of o=, which else would tell where the streams are no more. Session and version of o= stay, so
    /// that the description is as new or as old as it was (RFC 3264 section 8).
    ///
    /// - Parameters:
    ///   - hidden: whether an address must not be told: a stream at one that has no new endpoint is refused by port 0, a
    ///     candidate is left out.
    ///   - standIn: what stands for hidden addresses where no stream is.
    ///   - replacement: the new endpoint, or nil to leave the old one.
    /// - Throws: when the result would be no description; this one is as it was.
    public func replacingEndpoints(
        hiding hidden: (IPAddress) -> Bool = { _ in false }, standIn: IPAddress = .v4(0),
        _ replacement: (Endpoint) -> Endpoint?
    ) throws(EditError) -> SessionDescription {
        try hidingCandidates(at: hidden) { replacement($0) != nil }.replacing(hidden, standIn, replacement)
    }

    private func replacing(
        _ hidden: (IPAddress) -> Bool, _ standIn: IPAddress, _ replacement: (Endpoint) -> Endpoint?
    ) throws(EditError) -> SessionDescription {
        var edits: [Edit] = []
        var sessionAddress: IPAddress?
        var newAddress: IPAddress?
        for (index, stream) in media.enumerated() {
            guard case .transport(let rtp, let rtcp) = stream.target else { continue }
            guard let new = replacement(rtp) else {
                if hidden(rtp.address) { edits.append(.port(index: index, 0)) }
                continue
            }
            newAddress = newAddress ?? new.address
            edits.append(.port(index: index, new.port))
            if stream.ownConnectionRange != nil || sessionAddress.map({ $0 != new.address }) ?? false {
                edits.append(.mediaConnection(index: index, new.address))
            } else {
                edits.append(.sessionConnection(new.address))
                sessionAddress = new.address
            }
            for (number, candidate) in stream.candidates.enumerated() {
                guard let new = replacement(candidate.endpoint) else { continue }
                edits.append(.candidate(index: index, number: number, new))
            }
            if let edit = stream.edit(of: rtcp.flatMap(replacement), beside: new, at: index) { edits.append(edit) }
        }
        // What is left of hidden addresses where no stream is: nobody is there.
        let nobody = newAddress ?? standIn
        for (index, stream) in media.enumerated() where stream.ownConnectionRange != nil {
            guard case .ip(let address) = stream.connection?.address, hidden(address),
                !edits.contains(where: { $0.isConnection(of: index) })
            else { continue }
            edits.append(.mediaConnection(index: index, nobody))
        }
        if sessionAddress == nil, case .ip(let address) = connection?.address, hidden(address) {
            edits.append(.sessionConnection(nobody))
        }
        if case .ip(let address) = origin.address, newAddress != nil || hidden(address) {
            edits.append(.originAddress(nobody))
        }
        return try applying(edits)
    }
}

extension Edit {
    fileprivate func isConnection(of stream: Int) -> Bool {
        switch self {
        case .mediaConnection(let index, _): index == stream
        case .originAddress, .sessionConnection, .port, .rtcp, .removeRTCP, .candidate: false
        }
    }
}

extension MediaDescription {
    /// What `a=rtcp` becomes beside a new RTP endpoint.
    ///
    /// - Parameter new: where RTCP is received; nil where that is RTP's port, or nowhere.
    fileprivate func edit(of new: Endpoint?, beside rtp: Endpoint, at index: Int) -> Edit? {
        guard let new else { return rtcp == nil ? nil : .removeRTCP(index: index) }
        let isNext = new.address == rtp.address && rtp.port < .max && new.port == rtp.port + 1
        guard rtcp != nil || !isNext else { return nil }
        let hasAddress = rtcp?.connection != nil || new.address != rtp.address
        return .rtcp(index: index, port: new.port, hasAddress ? new.address : nil)
    }
}
