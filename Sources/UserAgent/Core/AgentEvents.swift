import SIPText
import SIPTransactions
import Wire

/// What happens to the device.
enum Input: Sendable {
    case received(Message, Flow)
    /// Octets that are no acceptable message; the request among them, when it can be answered.
    case malformed(ParseError, answerable: Message?, Flow)
    case fired(TimerKey)
    case transportFailed(Destination)
    /// The user makes a call.
    case place(CallNumber, CallPlan)
    /// The user ends every call.
    case hangUp
    case mediaOpened(CallNumber, Endpoint)
    case mediaFailed(CallNumber, String)
    case sealed(WorkID, SealOutcome)
    case opened(WorkID, OpenOutcome)
    case examined(WorkID, CertificateVerdict)
}

/// A timer of the device.
enum TimerKey: Hashable, Sendable {
    case transaction(TimerToken)
    case call(CallNumber, CallTimer)
}

/// What the device wants done. The shell performs effects in order and completely before the next input.
enum Effect: Equatable, Sendable {
    case send(Message, Destination)
    case startTimer(TimerKey, Duration)
    case cancelTimer(TimerKey)
    case media(CallNumber, MediaCommand)
    case seal(WorkID, SealRequest)
    case open(WorkID, [[UInt8]], [KeyHandle])
    /// Judge a certificate: DER, and the host of the Warning that came with it.
    case examine(WorkID, [UInt8], host: [UInt8]?)
    case forget(KeyHandle)
    case report(Report)
    case finished(CallNumber)
}

/// What a device is.
struct AgentSettings: Sendable {
    var listeners: [Listener]
    var timers = Timers()
    /// How calls are taken; nil refuses them.
    var answering: AnswerPlan?
    /// The device's certificate in DER; empty without one.
    var certificate: [UInt8] = []
}
