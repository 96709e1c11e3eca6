import SIPText
import SIPTransactions
import Wire

/// Where a request of a dialog goes.
enum NextHop {
    /// The destination that a URI names. A host name is not looked up, and a URI of another scheme is not followed:
    /// what was reached before is used again, since whoever answered from there put the URI into its answer.
    static func destination(of uri: [UInt8], otherwise fallback: Destination) -> Destination {
        guard let parsed = try? URI(in: uri.span, Slice(0..<uri.count)), parsed.scheme == .sip,
            let address = parsed.address(in: uri.span)
        else { return fallback }
        var transport = TransportKind.udp
        if let name = parsed.parameters.value(of: "transport", in: uri.span) {
            if ASCII.equalIgnoringCase(uri.span.octets(name), "tcp") { transport = .tcp }
            if ASCII.equalIgnoringCase(uri.span.octets(name), "tls") { transport = .tls }
        }
        // The default ports of a SIP URI: RFC 3261 section 19.1.2. An address has no certificate; whom TLS authenticated
        // before, it must be again.
        return Destination(
            transport, Endpoint(address, parsed.port ?? (transport == .tls ? 5_061 : 5_060)),
            serverName: transport == .tls ? fallback.serverName : [])
    }

    /// Whether the URI is of a loose router (RFC 3261 section 19.1.1, `lr`).
    static func isLoose(_ uri: [UInt8]) -> Bool {
        guard let parsed = try? URI(in: uri.span, Slice(0..<uri.count)) else { return false }
        return parsed.parameters.contains("lr", in: uri.span)
    }

    /// The URI of a Route, Record-Route or Contact value.
    static func uri(of value: [UInt8]) -> [UInt8] {
        guard let address = NameAddress(in: value.span, Slice(0..<value.count)) else { return value }
        return Array(value[address.uri.range])
    }
}

extension NextHop {
    /// The user part of a URI; empty when it has none or cannot be read.
    static func user(of uri: [UInt8]) -> [UInt8] {
        guard let parsed = try? URI(in: uri.span, Slice(0..<uri.count)) else { return [] }
        return Array(uri[parsed.user.range])
    }
}
