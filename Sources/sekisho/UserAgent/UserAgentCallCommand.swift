import ArgumentParser
import Crypto
import NIOCore
import SIPText
import SIPTransactions
import UserAgent
import Wire

/// `sekisho ua call`.
struct UserAgentCallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Make a call.",
        discussion: """
            Examples:
              Straight to a user agent, encrypted for it:
                sekisho ua call sip:bob@192.0.2.20:5060 --peer-certificate bob.pem
              Through a gateway that may read the session description:
                sekisho ua call sip:bob@b.example.net --proxy 192.0.2.1:5060 \\
                  --peer-certificate bob.pem --disclose gateway.pem
              Through one that is told only when it asks (496), and only if its
              certificate is signed by this authority:
                sekisho ua call sip:bob@b.example.net --proxy 192.0.2.1:5060 \\
                  --peer-certificate bob.pem --allow-disclosure-to gw.example.net \\
                  --trust authority.pem
              In the clear, and show that the gateway is shut afterwards:
                sekisho ua call sip:bob@b.example.net --proxy 192.0.2.1 --plain \\
                  --keep-sending 2
              By TLS; the gateway must prove its name:
                sekisho ua call sip:bob@b.example.net --proxy gw.example.net --plain \\
                  --transport tls --trust authority.pem
            """)

    @Argument(help: ArgumentHelp("Whom to call.", valueName: "sip-uri"))
    var target: String

    @Option(help: ArgumentHelp("Who calls.", valueName: "sip-uri"))
    var from = "sip:alice@a.example.net"

    @Option(
        help: ArgumentHelp("Own address and SIP port. Absent: the address toward the callee.", valueName: "addr[:port]")
    )
    var bind: BindArgument?

    @Option(help: ArgumentHelp("Outbound proxy.", valueName: "host[:port]"))
    var proxy: String?

    @Option(help: "Transport of SIP: udp, tcp or tls.")
    var transport: TransportArgument = .udp

    @Option(
        help: ArgumentHelp(
            "The name that the server's certificate must have. Absent: the host of --proxy, else of the callee.",
            valueName: "name"))
    var tlsName: String?

    @Option(help: ArgumentHelp("Certificate of the callee, PEM or DER. May be given several times.", valueName: "file"))
    var peerCertificate: [String] = []

    @Option(
        help: ArgumentHelp(
            "Certificate of a server that may read the session description; its name when it is not the first "
                + "dNSName. May be given several times.", valueName: "file[,name]"))
    var disclose: [String] = []

    @Option(
        help: ArgumentHelp(
            "A server to which a 496 may have the session description disclosed. May be given several times.",
            valueName: "name"))
    var allowDisclosureTo: [String] = []

    @Option(help: "Content encryption.")
    var cipher = CipherArgument.usual

    @Flag(help: "Send the session description in the clear.")
    var plain = false

    @Option(help: ArgumentHelp("How long the call lasts.", valueName: "seconds"))
    var seconds = 3.0

    @Option(help: ArgumentHelp("Give up when nobody has answered for so long.", valueName: "seconds"))
    var ring = 60.0

    @Option(help: "Who hangs up: caller or callee.")
    var hangUp: HangUpArgument = .caller

    @OptionGroup var options: UserAgentOptions

    func validate() throws {
        try SecondsArgument.check(seconds, "--seconds")
        try SecondsArgument.check(ring, "--ring")
        guard plain || !peerCertificate.isEmpty else {
            throw ValidationError("give --peer-certificate, the callee's certificate, or --plain to encrypt nothing")
        }
        guard !plain || (peerCertificate.isEmpty && disclose.isEmpty) else {
            throw ValidationError("--plain encrypts nothing: leave out --peer-certificate and --disclose")
        }
    }

    func run() throws {
        let next = try nextHop()
        let address = try bind?.address ?? HostAddress.local(toward: next)
        var settings = DeviceSettings(address: address)
        settings.port = bind?.port ?? 0
        settings.mediaPort = options.mediaPort
        settings.identity = try options.identity(user: from)
        settings.sound = try options.sound()
        settings.records = options.record != nil
        settings.disclosure.names = allowDisclosureTo + (proxy.map { [Self.split($0).host] } ?? [])
        settings.disclosure.anchors = try options.trust.map(CertificateFile.load)
        if transport == .tls {
            settings.transports = [.tls]
            settings.security = try options.security()
        }
        let request = try request(to: next)
        try UserAgentRun.run(settings, options) { device, _ in
            [try device.call(request).wait()]
        }
    }

    private func request(to next: Endpoint) throws -> CallRequest {
        let protection: Protection = plain ? .plain : .enveloped(cipher.algorithm)
        var request = CallRequest(
            target: target,
            destination: Destination(transport.kind, next, serverName: transport == .tls ? try serverName() : []),
            protection: protection)
        request.from = from
        if proxy != nil { request.proxy = "sip:\(next)\(transport.parameter)" }
        request.recipients = try peerCertificate.map(CertificateFile.load)
        request.disclosures = try disclose.map(Self.disclosure)
        request.reuse = options.reuse.mode
        request.formats = options.formats
        switch hangUp {
        case .caller: request.timing = options.timing(hangUpAfter: seconds)
        case .callee:
            request.timing = options.timing(hangUpAfter: nil)
            // The callee has its own clock; after that long it has forgotten to hang up.
            request.timing.longest = .seconds(seconds + 30)
        }
        request.timing.ringing = .seconds(ring)
        return request
    }

    private static func disclosure(_ argument: String) throws -> (host: String, certificate: Certificate) {
        let parts = argument.split(separator: ",", maxSplits: 1).map(String.init)
        let certificate = try CertificateFile.load(parts.first ?? argument)
        guard let host = parts.count > 1 ? parts[1] : certificate.dnsNames.first else {
            throw ValidationError(
                "\(argument): the certificate has no dNSName; add the server's name: \(argument),NAME")
        }
        return (host, certificate)
    }

    /// Whom TLS must authenticate.
    private func serverName() throws -> [UInt8] {
        let octets = Array(target.utf8)
        let uri = try? URI(in: octets.span, Slice(0..<octets.count))
        let host =
            proxy.map { Self.split($0).host } ?? uri.map { String(decoding: octets[$0.host.range], as: UTF8.self) }
        guard let name = tlsName ?? host, tlsName != nil || IPAddress(name) == nil else {
            throw ValidationError("an address proves nothing by TLS: give --tls-name, the name in the certificate")
        }
        return Array(name.lowercased().utf8)
    }

    /// Where the INVITE goes: the proxy, else the host of the URI.
    private func nextHop() throws -> Endpoint {
        if let proxy {
            let (host, port) = Self.split(proxy)
            return Endpoint(try HostAddress.resolve(host, like: bind?.address), port ?? transport.port)
        }
        let octets = Array(target.utf8)
        guard let uri = try? URI(in: octets.span, Slice(0..<octets.count)), uri.scheme == .sip else {
            throw ValidationError("\(target) is no SIP URI; write sip:user@host or sip:user@host:port")
        }
        let host = String(decoding: octets[uri.host.range], as: UTF8.self)
        return Endpoint(try HostAddress.resolve(host, like: bind?.address), uri.port ?? transport.port)
    }

    /// Takes `host`, `host:port`, an address, or `[address]:port` apart.
    static func split(_ text: String) -> (host: String, port: UInt16?) {
        if let endpoint = Endpoint(text) { return ("\(endpoint.address)", endpoint.port) }
        if IPAddress(text) != nil { return (text, nil) }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return (text, nil)
        }
        return (String(text[..<colon]), port)
    }
}

enum HangUpArgument: String, ExpressibleByArgument, CaseIterable { case caller, callee }
