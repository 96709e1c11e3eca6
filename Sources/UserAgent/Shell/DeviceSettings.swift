public import Crypto
import Media
public import SDPText
public import SIPText
public import SIPTransactions
public import Transport
public import Wire

/// What a device is and what it tells.
public struct DeviceSettings: Sendable {
    /// Where SIP and media sockets are bound: one address of this machine, not the unspecified one.
    public var address: IPAddress
    /// The port of SIP; 0 for any.
    public var port: UInt16 = 0
    /// Those that SIP is received by.
    public var transports: [TransportKind] = [.udp, .tcp]
    /// What TLS is spoken with. A device that has it for connections it makes only, and is told to use TLS, receives by
    /// these.
    public var security = TransportSecurity(server: nil, client: nil)
    /// The port of RTP, RTCP is the one after it; 0 for any even one.
    public var mediaPort: UInt16 = 0
    /// What others encrypt to; nil for a device that reads plain calls only.
    public var identity: Identity?
    /// How calls are taken; nil refuses them.
    public var answering: AnswerPlan?
    /// Who may be told a session description when a 496 asks for it.
    public var disclosure = DisclosurePolicy()
    /// What is sent in each call, from its beginning.
    public var sound = Sound.tone(ToneGenerator())
    /// Keep the samples that are received.
    public var records = false
    /// T1, T2 and T4 of RFC 3261.
    public var timers = Timers()
    /// Called on the event loop, with milliseconds since the device was started.
    public var onReport: (@Sendable (Report, Int) -> Void)?
    /// Called on the event loop for each message, before it is sent and after it was received.
    public var onMessage: (@Sendable (Way, Message, TransportKind, Endpoint) -> Void)?

    /// Called on the event loop when a TLS connection is not made, or breaks.
    public var onSecureFailure: (@Sendable (TLSError, Endpoint) -> Void)?

    /// A device at an address, with any ports, without a key pair, that takes no calls.
    public init(address: IPAddress) { self.address = address }
}

/// A call to make.
public struct CallRequest: Sendable {
    /// A SIP URI: whom to call.
    public var target: String
    /// A SIP URI: who calls.
    public var from = "sip:alice@a.example.net"
    /// Where the INVITE goes: the outbound proxy, or what the target resolves to.
    public var destination: Destination
    /// The URI of the outbound proxy, a loose router; nil without one.
    public var proxy: String?
    /// How session descriptions are protected.
    public var protection: Protection
    /// Certificates of the callee: who can read the session description.
    public var recipients: [Certificate] = []
    /// Servers that are asked to read it: their names and certificates.
    public var disclosures: [(host: String, certificate: Certificate)] = []
    /// How the key of the offer protects later descriptions of this side.
    public var reuse = KeyReuse.kek
    /// When the call ends, and what goes on after that.
    public var timing = CallTiming()
    /// Codecs that are offered, in order of preference.
    public var formats = SDPBuilder.AudioFormat.allCases

    /// A call of `alice`, without recipients, that the peer ends.
    public init(target: String, destination: Destination, protection: Protection) {
        self.target = target
        self.destination = destination
        self.protection = protection
    }
}

/// What one call came to.
public struct CallSummary: Sendable {
    /// The call's number in reports.
    public let number: CallNumber
    /// Which side this device was.
    public internal(set) var role = CallRole.caller
    /// The Call-ID in printable ASCII.
    public internal(set) var callID = ""
    /// Whether a 2xx was sent or received, and acknowledged.
    public internal(set) var isEstablished = false
    /// The session descriptions, in the order in which they crossed.
    public internal(set) var bodies: [BodyReport] = []
    /// Servers that the call was disclosed to after a 496.
    public internal(set) var retriedFor: [String] = []
    /// What was counted, by kind, direction and phase.
    public internal(set) var packets: [PacketReport] = []
    /// What the numbering of the received stream tells.
    public internal(set) var stream: StreamReport?
    /// Why the call is over.
    public internal(set) var ending: Ending?
    /// Whether the session descriptions let the peer send.
    public internal(set) var expectsMedia = false
    /// Linear samples, 8,000 a second, when the device records.
    public internal(set) var recording: [Int16] = []

    init(number: CallNumber) { self.number = number }

    /// Packets of one kind in one direction and phase.
    public func count(_ kind: PacketReport.Kind, _ way: Way, _ phase: MediaPhase) -> Int {
        packets.first { $0.kind == kind && $0.way == way && $0.phase == phase }?.count ?? 0
    }

    /// Whether the call was made, ended by BYE, and the peer's media came while it lasted.
    public var isGood: Bool {
        isEstablished && ending?.isNormal ?? false && (!expectsMedia || count(.rtp, .received, .call) > 0)
    }

    mutating func take(_ report: Report) {
        switch report {
        case .listening, .progress, .renegotiated: break
        case .began(_, let role, let callID):
            self.role = role
            self.callID = callID
        case .body(_, let body): bodies.append(body)
        case .retrying(_, let host): retriedFor.append(host)
        case .established: isEstablished = true
        case .packets(_, let entry): packets.append(entry)
        case .stream(_, let report): stream = report
        case .ended(_, let ending): self.ending = ending
        }
    }
}

extension Report {
    /// The call that it is about; nil for the device.
    var call: CallNumber? {
        switch self {
        case .listening: nil
        case .began(let number, _, _), .body(let number, _), .progress(let number, _), .retrying(let number, _),
            .established(let number), .renegotiated(let number), .packets(let number, _), .stream(let number, _),
            .ended(let number, _):
            number
        }
    }
}
