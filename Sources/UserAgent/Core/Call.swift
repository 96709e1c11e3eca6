import CMSText
import SDPText
import SIPText
import SIPTransactions
import Wire

/// One call, from the wish to make or take it to the close of its media sockets.
///
/// Inputs are its only methods. It returns what is to be done, in order, reads no clock and knows no key.
struct Call: Sendable {
    /// Where a call stands.
    enum State: Equatable, Sendable {
        /// Nothing has happened. Can go to: preparing, reading.
        case idle
        /// Media sockets are being opened, the body of the INVITE sealed. Can go to: calling, lingering.
        case preparing
        /// The INVITE is sent and not answered. Can go to: proceeding, reading, judging, lingering.
        case calling
        /// A provisional response came. Can go to: reading, judging, lingering.
        case proceeding
        /// The certificate of a 496 is being examined. Can go to: preparing, lingering.
        case judging
        /// The body of the 2xx, or of the INVITE, is being opened. Can go to: established, ringing, ending, lingering.
        case reading
        /// The INVITE that came is understood and not accepted yet. Can go to: answered, lingering.
        case ringing
        /// A 2xx is sent, its ACK has not come. Can go to: established, ending, lingering.
        case answered
        /// Can go to: ending, lingering.
        case established
        /// The own BYE is sent and not answered. Can go to: lingering.
        case ending
        /// Over; media sockets may still be open. Can go to: ended.
        case lingering
        case ended
    }

    /// What a result of the shell is for.
    enum Work: Sendable {
        case sealOffer
        case sealAnswer(TransactionID, isEarly: Bool)
        case sealReoffer
        case sealReanswer(TransactionID, Message)
        case openOffer(TransactionID)
        /// A provisional response or the 2xx to the INVITE.
        case openAnswer(Message)
        case openReoffer(TransactionID, Message)
        case openReanswer(Message)
        case openAcknowledgement
        case examineCertificate
    }

    /// A 2xx that is sent until its ACK comes.
    struct Unacknowledged: Sendable {
        let response: Message
        let transaction: TransactionID
        var interval: Duration
    }

    let number: CallNumber
    let role: CallRole
    var settings: CallSettings
    var state = State.idle
    var tokens: TokenSource
    var effects: [CallEffect] = []

    var dialog: Dialog?
    /// The INVITE that made, or is to make, the call: as it was sent, or as it came.
    var invite: Message?
    /// The INVITE's server transaction while it is not answered finally.
    var inviteServer: TransactionID?
    var unacknowledged: Unacknowledged?
    /// The ACKs that were sent, by CSeq number, for 2xx that come again.
    var acknowledgements: [UInt32: (Message, Destination)] = [:]
    /// An own re-INVITE that is under way.
    var isReinviting = false
    var isCancelWanted = false
    var isByeWanted = false
    var hasRetried = false
    var ending: Ending?

    /// The offer of the INVITE that came, until it is answered.
    var offer: SessionDescription?
    var negotiation: Negotiation?
    /// Whether session descriptions cross protected; decided by the first one.
    var isProtected = false
    var keys: [HeldKey] = []
    /// Servers that are asked to read each body.
    var disclosedTo: [[UInt8]] = []
    var work: [Int: Work] = [:]
    /// The messages whose bodies are being opened.
    var carriers: [Int: Message] = [:]
    private var lastWork = 0

    init(_ number: CallNumber, _ settings: CallSettings, _ tokens: TokenSource) {
        self.number = number
        self.settings = settings
        self.tokens = tokens
        switch settings.plan {
        case .caller: role = .caller
        case .callee: role = .callee
        }
    }

    /// The one entry.
    mutating func handle(_ input: CallInput, _ tokens: inout TokenSource) -> [CallEffect] {
        self.tokens = tokens
        effects = []
        step(input)
        tokens = self.tokens
        return effects
    }

    private mutating func step(_ input: CallInput) {
        switch input {
        case .begin: begin()
        case .hangUp: hangUp()
        case .request(let message, let transaction, let flow): take(message, transaction, flow)
        case .cancelled: cancelled()
        case .acknowledged(let message): acknowledged(message)
        case .response(let message, .invite): answered(by: message)
        case .response(let message, .reinvite): reanswered(by: message)
        case .response(let message, .bye): byeAnswered(by: message)
        case .response(_, .aside): break
        case .timedOut(let purpose): gotNothing(for: purpose, status: 408, why: "no answer came in time")
        case .failed(let purpose): gotNothing(for: purpose, status: 503, why: "it could not be sent")
        case .fired(let timer): fired(timer)
        case .mediaOpened(let endpoint): mediaOpened(at: endpoint)
        case .mediaFailed(let why): mediaFailed(why)
        case .sealed(let number, let outcome): sealed(number, outcome)
        case .opened(let number, let outcome): opened(number, outcome)
        case .examined(let number, let verdict): examined(number, verdict)
        }
    }

    /// A number for a piece of work of the shell.
    mutating func remember(_ work: Work) -> Int {
        lastWork += 1
        self.work[lastWork] = work
        return lastWork
    }

    mutating func report(_ report: Report) { effects.append(.report(report)) }

    /// The user part of own Contacts.
    var user: [UInt8] {
        switch settings.plan {
        case .caller(let plan): NextHop.user(of: plan.from)
        case .callee(let plan): plan.user
        }
    }

    var timing: CallTiming {
        switch settings.plan {
        case .caller(let plan): plan.timing
        case .callee(let plan): plan.timing
        }
    }

    var reuse: KeyReuse {
        switch settings.plan {
        case .caller(let plan): plan.reuse
        case .callee(let plan): plan.reuse
        }
    }
}

/// What a call is made with.
struct CallSettings: Sendable {
    enum Plan: Sendable {
        case caller(CallPlan)
        case callee(AnswerPlan)
    }
    var plan: Plan
    var listeners: [Listener]
    var timers: Timers
    /// The device's certificate in DER, for a 493; empty without one.
    var certificate: [UInt8]
}
