import ArgumentParser
import CMSText
import Crypto
import Media
import SDPText
import SIPTransactions
import Transport
import UserAgent
import Wire

/// What calling and answering have in common.
struct UserAgentOptions: ParsableArguments {
    @Option(
        name: .customLong("key"),
        help: ArgumentHelp("Private key in PEM: P-256 or RSA. A new P-256 key when absent.", valueName: "file"))
    var keyFile: String?

    @Option(
        name: .customLong("certificate"),
        help: ArgumentHelp("The certificate of that key, in PEM.", valueName: "file"))
    var certificateFile: String?

    @Option(help: ArgumentHelp("Write the own certificate there, in PEM, for the other side.", valueName: "file"))
    var writeCertificate: String?

    @Option(help: ArgumentHelp("Port of RTP; RTCP is the one after it. Any even port when absent.", valueName: "port"))
    var mediaPort: UInt16 = 0

    @Option(help: ArgumentHelp("Sound to send: WAV, one channel, 8000 Hz. A tone when absent.", valueName: "file"))
    var play: String?

    @Option(help: ArgumentHelp("Write the sound of the last call there, as WAV.", valueName: "file"))
    var record: String?

    @Option(help: ArgumentHelp("The preferred codec: pcmu or pcma.", valueName: "name"))
    var codec: CodecArgument = .pcmu

    @Option(
        help: ArgumentHelp(
            "How the key of the first message protects later ones: kek (RFC 3185) or encrypted-data (AES-CBC only).",
            valueName: "mode"))
    var reuse = ReuseArgument.kek

    @Option(
        help: ArgumentHelp(
            "Send RTP for so long after the call: it shows whether the gateway is shut.", valueName: "seconds"))
    var keepSending: Double = 0

    @Option(help: ArgumentHelp("Count what still comes for so long after the call.", valueName: "seconds"))
    var keepListening: Double = 0

    @Option(
        help: ArgumentHelp("Send a re-INVITE so long after the answer.", valueName: "seconds"))
    var reinviteAfter: Double?

    @Option(
        help: ArgumentHelp("Write what happens there, one JSON object a line; - is standard output.", valueName: "file")
    )
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Whom to trust: a server's certificate, or that of the authority that signed it, in PEM. Needed for TLS. "
                + "When a call is given it, the name of a server that asks to read is not enough. May be given several "
                + "times without TLS; for TLS one file holds all.", valueName: "file"))
    var trust: [String] = []

    @Option(
        help: ArgumentHelp("Own certificate for TLS, in PEM. Without it no TLS is accepted.", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("The private key of that certificate, in PEM.", valueName: "file"))
    var tlsKey: String?

    @Flag(help: "Print each SIP message; a protected body as <N octets of CMS>.")
    var showMessages = false

    func validate() throws {
        guard (keyFile == nil) == (certificateFile == nil) else {
            throw ValidationError("--key and --certificate go together: give both or none")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together: give both or none")
        }
        guard mediaPort % 2 == 0 else { throw ValidationError("--media-port must be even (RFC 3550 section 11)") }
        for (name, seconds) in [("--keep-sending", keepSending), ("--keep-listening", keepListening)] {
            try SecondsArgument.check(seconds, name)
        }
        if let reinviteAfter { try SecondsArgument.check(reinviteAfter, "--reinvite-after") }
    }

    /// In order of preference.
    var formats: [SDPBuilder.AudioFormat] {
        switch codec {
        case .pcmu: [.pcmu, .pcma]
        case .pcma: [.pcma, .pcmu]
        }
    }

    /// The timing that both sides share.
    func timing(hangUpAfter: Double?) -> CallTiming {
        var timing = CallTiming()
        timing.hangUpAfter = hangUpAfter.map { .seconds($0) }
        timing.sendOn = .seconds(keepSending)
        timing.listenOn = .seconds(keepListening)
        timing.reinviteAfter = reinviteAfter.map { .seconds($0) }
        return timing
    }

    /// What TLS is spoken with. Who connects need not show a certificate; a bad one is refused.
    func security() throws -> TransportSecurity {
        guard trust.count == 1 else {
            throw ValidationError("--transport tls needs one --trust FILE; it may hold several certificates in PEM")
        }
        var files = TLSSettings()
        files.certificate = tlsCertificate
        files.key = tlsKey
        files.trust = trust.first
        files.verifiesClients = .optional
        do {
            return TransportSecurity(
                server: tlsCertificate == nil ? nil : try TLSContext(.server, files),
                client: try TLSContext(.client, files))
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func sound() throws -> Sound {
        guard let play else { return .tone(ToneGenerator()) }
        return .samples(try WAVFile.load(path: play).samples)
    }

    /// The own key pair, read or made.
    func identity(user: String) throws -> Identity {
        let identity: Identity
        if let keyFile, let certificateFile {
            identity = try Identity(
                key: try PrivateKeyFile.load(keyFile), certificate: try CertificateFile.load(certificateFile))
        } else {
            let key = try PrivateKey.generateP256()
            let now = SystemClock.unixSeconds()
            var builder = CertificateBuilder(commonName: "sekisho ua", notBefore: now - 60, notAfter: now + 86_400)
            builder.uris = [user]
            identity = try Identity(key: key, certificate: try builder.selfSigned(by: key))
        }
        if let writeCertificate, let certificate = identity.certificate {
            try OutputFile.write(try certificate.pem(), to: writeCertificate)
        }
        return identity
    }
}

enum CodecArgument: String, ExpressibleByArgument, CaseIterable { case pcmu, pcma }

/// `kek` or `encrypted-data` on the command line.
enum ReuseArgument: String, ExpressibleByArgument, CaseIterable {
    case kek
    case encryptedData = "encrypted-data"

    var mode: KeyReuse {
        switch self {
        case .kek: .kek
        case .encryptedData: .encryptedData
        }
    }
}

/// Seconds on the command line.
enum SecondsArgument {
    /// Longer than any test or demonstration, and short enough for every timer.
    static let longest = 86_400.0

    static func check(_ seconds: Double, _ name: String) throws {
        guard (0...longest).contains(seconds) else {
            throw ValidationError("\(name) takes 0 to \(Int(longest)) seconds")
        }
    }
}

/// A content encryption algorithm on the command line.
struct CipherArgument: ExpressibleByArgument {
    let algorithm: ContentAlgorithm

    /// What is sent when nothing else is said (RFC 8551 section 2.7).
    static let usual = CipherArgument(algorithm: .aes128GCM)

    private init(algorithm: ContentAlgorithm) { self.algorithm = algorithm }

    init?(argument: String) {
        guard let algorithm = ContentAlgorithm.allCases.first(where: { $0.name == argument }) else { return nil }
        self.algorithm = algorithm
    }

    var defaultValueDescription: String { algorithm.name }
    static var allValueStrings: [String] { ContentAlgorithm.allCases.map(\.name) }
}

/// `ADDR`, `ADDR:PORT` or `[ADDR]:PORT` on the command line.
struct BindArgument: ExpressibleByArgument {
    let address: IPAddress
    /// Nil when none was given; 0 is any.
    let port: UInt16?

    init?(argument: String) {
        if let endpoint = Endpoint(argument) {
            (address, port) = (endpoint.address, endpoint.port)
        } else if let address = IPAddress(argument) {
            (self.address, port) = (address, nil)
        } else {
            return nil
        }
    }
}

/// `udp`, `tcp` or `tls` on the command line.
enum TransportArgument: String, ExpressibleByArgument, CaseIterable {
    case udp, tcp, tls

    /// The port where none is given (RFC 3261 section 19.1.2).
    var port: UInt16 { self == .tls ? 5_061 : 5_060 }

    /// As a parameter of a URI.
    var parameter: String {
        switch self {
        case .udp: ""
        case .tcp: ";transport=tcp"
        case .tls: ";transport=tls"
        }
    }

    var kind: TransportKind {
        switch self {
        case .udp: .udp
        case .tcp: .tcp
        case .tls: .tls
        }
    }
}
