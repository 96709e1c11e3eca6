public import SIPText
import Wire

extension Destination {
    /// Where the responses to a request go (RFC 3261 section 18.2.2, RFC 3581 section 4).
    ///
    /// Over a connection: back on it, and when it is gone, to a new one to the source address. Datagrams: to the source
    /// address, from where the request arrived; to its source port when `rport` says so, else to the port of sent-by.
    /// The address is always the flow's, which is what a truthful `received` holds: neither `received` nor `maddr` of a
    /// forged Via can turn responses on somebody else. Over TLS the new connection must prove the host of sent-by, when
    /// the first one did.
    ///
    /// - Parameters:
    ///   - request: the topmost Via is stamped with `received` and `rport`.
    ///   - flow: what the request came by.
    public init(respondingTo request: Message, from flow: Flow) {
        var port = flow.transport.defaultPort
        var name: [UInt8] = []
        if let via = request.topVia {
            if let sentBy = via.port { port = sentBy }
            let stamped = via.responsePort(in: request.bytes.span)
            if !flow.authenticatedDomains.isEmpty {
                let host = request.copy(via.host).map(ASCII.lowercase)
                if flow.authenticatedDomains.contains(host) { name = host }
            }
            if !flow.transport.isReliable, stamped == flow.remote.port { port = flow.remote.port }
        }
        self.init(
            flow.transport, Endpoint(flow.remote.address, port), connection: flow.connection,
            local: flow.transport.isReliable ? nil : flow.local, serverName: name)
    }
}
