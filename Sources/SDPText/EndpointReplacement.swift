public import Wire

extension SessionDescription {
    /// The description with other endpoints in place of those that have one: address and port of each stream, its RTCP, and its
    /// candidates, with them the address of o=, which else would tell where the streams are no more. Session and version of o= stay, so
    /// that the description is as new or as old as it was (RFC 3264 section 8).
    ///
    /// - Parameter replacement: the new endpoint, or nil to leave the old one.
    /// - Throws: when the result would be no description; this one is as it was.
    public func replacingEndpoints(
        _ replacement: (Endpoint) -> Endpoint?
    ) throws(EditError) -> SessionDescription {
        var edits: [Edit] = []
        var sessionAddress: IPAddress?
        for (index, stream) in media.enumerated() {
            guard case .transport(let rtp, let rtcp) = stream.target, let new = replacement(rtp) else { continue }
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
            if index == media.firstIndex(where: { $0.port != 0 }) { edits.append(.originAddress(new.address)) }
        }
        return try applying(edits)
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
