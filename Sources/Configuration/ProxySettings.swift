public import Wire

/// What `sekishod` is told by its operator.
public struct ProxySettings: Hashable, Sendable {
    /// The Unix socket of `sekisho-gated`.
    public var gate = "/run/sekisho/gate.sock"
    /// The Unix socket on which `sekisho status` and its like are answered.
    public var control = "/run/sekisho/control.sock"
    /// Where `control` stands.
    public var controlPlace = Place()
    /// The file, on a tmpfs, of what the next process must know of the calls: beside `control` where none is named.
    public var journal: String {
        get { namedJournal ?? control.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/journal.db" }
        set { namedJournal = newValue }
    }
    private var namedJournal: String?
    /// Where `journal` stands.
    public var journalPlace = Place()
    /// Whether the calls that are up go on when the process ends in order, and another one begins.
    public var keepsOnExit = true
    /// The server's own host name, lower case: in Via, Record-Route and the disclosure header, and in its certificate.
    public var name: String
    /// Further hosts that are this server when they stand in a URI: names in lower case, addresses as RFC 5952 and
    /// dotted decimal have them.
    public var otherNames: [String] = []
    /// Where the server listens; at least one.
    public var listeners: [Listener]
    /// Where the phones inside are; at least one.
    public var inside: [Prefix]
    /// Next hops, one per domain.
    public var routes: [Route] = []
    /// What TLS is spoken with; nil when no listener and no route uses it.
    public var tls: TLS?
    /// How encrypted bodies are read.
    public var disclosure = Disclosure()
    /// Whether an offer opens holes before the answer has come.
    public var opensHalfOpen = true
    /// What becomes of parties outside that name a private address and signal from another one.
    public var farEndNAT = FarEndNAT.never
    /// Addresses that no SDP may name.
    public var forbidden: [Prefix] = []
    /// Ports that no SDP may name.
    public var forbiddenPorts: [ClosedRange<UInt16>] = []
    /// Whose phones register here; nil when nobody's do.
    public var registrar: Registrar?
    /// Whether inside phones reach domains that have no route by the names of their servers (RFC 3263).
    public var resolvesNames = true
    /// The session timer that is asked for; nil asks for none.
    public var sessionTimer: SessionTimer? = SessionTimer()
    /// A file of 16 secret octets, made when it is not there: what the Contacts of phones that are registered outside are
    /// known by. Without it they are new at each start, and such phones are reached when they have registered again.
    public var contactKey: String?
    /// Where the file says so, for an error that only its use shows.
    public var contactKeyPlace = Place()
    /// Where the tls section is.
    public var tlsPlace = Place()
    /// Threads that calls are shared out to by their Call-ID.
    public var eventLoops = 1
    /// How much the server holds at a time.
    public var limits = Limits()
    /// The timers of RFC 3261 that may be set.
    public var timers = Timers()
    /// The least urgent messages that are logged.
    public var logLevel = LogLevel.info

    /// The settings that have no default; all others are at theirs.
    public init(name: String, listeners: [Listener], inside: [Prefix]) {
        self.name = name
        self.listeners = listeners
        self.inside = inside
    }
}

extension ProxySettings {
    /// What becomes of a party outside that is behind somebody else's address translation: its SDP names a private address, and
    /// its signalling comes from another one.
    public enum FarEndNAT: String, CaseIterable, Hashable, Sendable {
        /// Its media has a path to where its SDP says, and none from where it comes.
        case never
        /// The address of its signalling is the only one that it may send media from; the port is learned from the first
        /// packet, once.
        case learn
    }

    /// What carries a SIP message, by its name in Via.
    public enum TransportName: String, CaseIterable, Hashable, Sendable {
        case udp
        case tcp
        case tls
    }

    /// One socket to listen on.
    public struct Listener: Hashable, Sendable {
        /// What carries the messages.
        public var transport: TransportName
        /// The address and port to bind.
        public var endpoint: Endpoint
        /// Where the address stands.
        public var addressPlace = Place()
        /// Where the port stands.
        public var portPlace = Place()

        /// A listener for one transport at one address.
        public init(transport: TransportName, endpoint: Endpoint) {
            self.transport = transport
            self.endpoint = endpoint
        }
    }

    /// Where requests for one domain go.
    public struct Route: Hashable, Sendable {
        /// The host of the Request-URI, lower case.
        public var domain: String
        /// The address and port of the next hop.
        public var endpoint: Endpoint
        /// What carries the requests there.
        public var transport: TransportName

        /// A route for a domain.
        public init(domain: String, endpoint: Endpoint, transport: TransportName) {
            self.domain = domain
            self.endpoint = endpoint
            self.transport = transport
        }
    }

    /// What TLS is spoken with: files in PEM, by their paths.
    public struct TLS: Hashable, Sendable {
        /// The server's own certificate, then those of the authorities between it and the root.
        public var certificate: String
        /// The private key of that certificate.
        public var key: String
        /// The certificates of trusted authorities; nil when no peer is verified.
        public var trust: String?
        /// Revocation lists, one of every authority that signs; nil when none are looked at.
        public var crl: String?
        /// Whether those who connect must show a certificate.
        public var verifiesClients = Verification.none
        /// The oldest version that is spoken.
        public var minimumVersion = Version.tls12

        /// Own certificate and key; nobody is trusted and no client is asked.
        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }

        /// Whether those who connect must show a certificate.
        public enum Verification: String, CaseIterable, Hashable, Sendable {
            /// They are not asked.
            case none
            /// They are asked, and refused with a bad one.
            case optional
            /// They are refused without a good one.
            case required
        }

        /// Versions of TLS.
        public enum Version: String, CaseIterable, Hashable, Sendable {
            case tls12 = "1.2"
            case tls13 = "1.3"
        }
    }

    /// How bodies that are encrypted for this server are read.
    public struct Disclosure: Hashable, Sendable {
        /// Certificates with their keys; several, for peers that do RSA and peers that do elliptic curves.
        public var identities: [Identity] = []
        /// What makes this server try to read a body.
        public var askedBy = Asking.either
        /// Whether a request whose SDP must be seen and cannot be is answered by 496.
        public var requiresSDP = true
        /// What becomes of content under AES-CBC that nothing authenticates.
        public var unauthenticatedCBC = Verdict.refuse

        /// Every setting at its default, with no identity.
        public init() {}

        /// A certificate and its private key, by the paths of their PEM files.
        public struct Identity: Hashable, Sendable {
            /// The path of the certificate's PEM file.
            public var certificate: String
            /// The path of the private key's PEM file.
            public var key: String
            /// Where the certificate's path stands.
            public var certificatePlace = Place()
            /// Where the key's path stands.
            public var keyPlace = Place()

            /// An identity by the paths of its two files.
            public init(certificate: String, key: String) {
                self.certificate = certificate
                self.key = key
            }
        }

        /// What makes this server try to read a body.
        public enum Asking: String, CaseIterable, Hashable, Sendable {
            /// A disclosure header that names it.
            case header
            /// A recipient of the body that is it.
            case recipient
            /// One or the other.
            case either
        }

        /// What becomes of content under AES-CBC that nothing authenticates.
        public enum Verdict: String, CaseIterable, Hashable, Sendable {
            case refuse
            case accept
        }
    }

    /// How much the server holds at a time.
    public struct Limits: Hashable, Sendable {
        /// Octets of one message, headers and body.
        public var messageOctets = 81_920
        /// TCP connections.
        public var connections = 1024
        /// TCP connections accepted from one address.
        public var connectionsPerSource = 64
        /// Seconds in which a message that has begun must be whole.
        public var messageSeconds = 10
        /// Octets that may wait for a peer that does not read.
        public var pendingOctets = 1 << 20
        /// Seconds without an octet after which a connection is closed.
        public var idleSeconds = 7_200
        /// Seconds without an answer of the peer's kernel after which a connection is lost.
        public var userTimeoutSeconds = 60
        /// Sessions at one time.
        public var sessions = 10_000
        /// Sessions of one user at one time; nil for no limit.
        public var callsPerUser: Int?
        /// Transactions at one time.
        public var transactions = 20_000
        /// Requests a second outside of calls that one source may send for long; twice as many at once.
        public var requestsPerSource = 100
        /// Sources that are told apart at one time; further ones share an allowance.
        public var sources = 8_192
        /// Requests a second outside of calls from all sources together.
        public var requests = 10_000

        /// Every limit at its default.
        public init() {}
    }

    /// A session timer (RFC 4028), in seconds.
    public struct SessionTimer: Hashable, Sendable {
        /// The interval that is asked for.
        public var expires = 1_800
        /// The shortest that is accepted.
        public var minimum = 90

        /// Every value at its default.
        public init() {}
    }

    /// The timers of RFC 3261 that an operator may set.
    public struct Timers: Hashable, Sendable {
        /// T1, the round trip that retransmissions start from (section 17.1.1.1).
        public var t1: Duration = .milliseconds(500)
        /// Timer C: how long an INVITE may go without a final response (section 16.6, item 11).
        public var inviteC: Duration = .seconds(185)
        /// How long an offer's endpoints may be open to any source; nil until its answer.
        public var halfOpen: Duration?
        /// How long a call may be without any packet of media, RTCP included; nil for ever.
        public var media: Duration? = .seconds(300)

        /// Every timer at its default.
        public init() {}
    }

    /// The least urgent messages that are logged.
    public enum LogLevel: String, CaseIterable, Hashable, Sendable {
        case trace
        case debug
        case info
        case notice
        case warning
        case error
        case critical
    }
}
