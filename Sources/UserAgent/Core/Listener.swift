import SIPText
public import SIPTransactions
public import Wire

/// An address that the device receives SIP at.
public struct Listener: Hashable, Sendable {
    /// How messages come here.
    public var transport: TransportKind
    /// A concrete address, and its port.
    public var endpoint: Endpoint

    /// The transport and the address.
    public init(_ transport: TransportKind, _ endpoint: Endpoint) {
        self.transport = transport
        self.endpoint = endpoint
    }

    /// The Via value of a request that is sent from here. `rport` is asked for over datagrams (RFC 3581 section 3).
    func via(branch: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        switch transport {
        case .udp: value.append(literal: "SIP/2.0/UDP ")
        case .tcp: value.append(literal: "SIP/2.0/TCP ")
        case .tls: value.append(literal: "SIP/2.0/TLS ")
        }
        endpoint.appendText(to: &value)
        value.append(literal: ";branch=")
        value += branch
        if !transport.isReliable { value.append(literal: ";rport") }
        return value
    }

    /// The Contact value of a user here.
    func contact(user: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        value.append(literal: "<sip:")
        if !user.isEmpty {
            value += user
            value.append(ASCII.at)
        }
        endpoint.appendText(to: &value)
        switch transport {
        case .udp: break
        case .tcp: value.append(literal: ";transport=tcp")
        case .tls: value.append(literal: ";transport=tls")
        }
        value.append(ASCII.greater)
        return value
    }
}

extension [Listener] {
    /// The one that a destination sees: of its transport and family, else of its family.
    func facing(_ destination: Destination) -> Listener? {
        let family = filter { $0.endpoint.address.isIPv6 == destination.remote.address.isIPv6 }
        return family.first { $0.transport == destination.transport } ?? family.first ?? first
    }

    /// The one that a message came in by.
    func at(_ flow: Flow) -> Listener? {
        first { $0.transport == flow.transport && $0.endpoint == flow.local }
            ?? facing(Destination(flow.transport, flow.remote))
    }
}
