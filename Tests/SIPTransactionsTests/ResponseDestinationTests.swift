import SIPText
import SIPTransactions
import Testing
import Wire

/// Where responses go, however the Via reads (RFC 3261 section 18.2.2, RFC 3581 section 4).
@Suite struct ResponseDestinationTests {
    static let source = Endpoint(.v4(0x0A00_0001), 40_000)

    @Test(arguments: [
        // Via behind the transport, stamped by the server, and the port that the response goes to
        ("10.0.0.1:5070;branch=z9hG4bK1", 5070),
        ("10.0.0.1;branch=z9hG4bK1", 5060),
        ("phone.example.net:5070;branch=z9hG4bK1", 5070),
        ("10.0.0.1:5070;branch=z9hG4bK1;rport", 40_000),
        ("192.168.1.5;branch=z9hG4bK1;rport", 40_000),
        // A value that the sender wrote itself is replaced by the real one; an address that is not the source's is
        // not believed.
        ("10.0.0.1:5070;branch=z9hG4bK1;rport=53", 40_000),
        ("10.0.0.1:5070;branch=z9hG4bK1;received=192.0.2.66", 5070),
        ("192.0.2.66:5070;branch=z9hG4bK1", 5070),
        ("10.0.0.1:5070;branch=z9hG4bK1;maddr=192.0.2.66", 5070),
    ])
    func `over datagrams responses go to the source address`(via: String, port: UInt16) {
        var request = Sample.request("OPTIONS")
        request.setFirstValue(of: .via, Array("SIP/2.0/UDP \(via)".utf8))
        request.stampVia(source: Self.source)
        let flow = Flow(transport: .udp, local: Sample.gateway, remote: Self.source)
        #expect(
            Destination(respondingTo: request, from: flow)
                == Destination(.udp, Endpoint(Self.source.address, port), local: Sample.gateway))
    }

    @Test(arguments: [
        (TransportKind.tcp, "10.0.0.1:5070;branch=z9hG4bK1;rport", 5070), (.tcp, "10.0.0.1;branch=z9hG4bK1", 5060),
        (.tls, "10.0.0.1;branch=z9hG4bK1", 5061), (.tls, "10.0.0.1:5071;branch=z9hG4bK1", 5071),
    ])
    func `over a connection responses go back on it, and to sent-by's port when it is gone`(
        transport: TransportKind, via: String, port: UInt16
    ) {
        var request = Sample.request("OPTIONS")
        request.setFirstValue(of: .via, Array("SIP/2.0/TCP \(via)".utf8))
        request.stampVia(source: Self.source)
        let flow = Flow(transport: transport, local: Sample.gateway, remote: Self.source, connection: 3)
        #expect(
            Destination(respondingTo: request, from: flow)
                == Destination(transport, Endpoint(Self.source.address, port), connection: 3))
    }

    @Test(arguments: [
        ("Proxy.Example.com:5071", "proxy.example.com"), ("other.example.com:5071", ""), ("10.0.0.1:5071", ""),
    ])
    func `by TLS a new connection must prove the sent-by that the first one proved`(sentBy: String, name: String) {
        var request = Sample.request("OPTIONS")
        request.setFirstValue(of: .via, Array("SIP/2.0/TLS \(sentBy);branch=z9hG4bK1".utf8))
        let flow = Flow(
            transport: .tls, local: Sample.gateway, remote: Self.source, connection: 3,
            authenticatedDomains: [Array("proxy.example.com".utf8)])
        #expect(
            Destination(respondingTo: request, from: flow)
                == Destination(
                    .tls, Endpoint(Self.source.address, 5_071), connection: 3, serverName: Array(name.utf8)))
    }
}
