import SIPText

/// What a transaction wants done; the layer turns it into a `TransactionAction`.
///
/// Where a machine starts a timer, that is the last of its effects.
enum Effect: Equatable, Sendable {
    /// Give the message to the transport.
    case send(Message)
    /// Give the message to the transaction user.
    case deliver(Message)
    case start(TimerName, Duration)
    case cancel(TimerName)
    /// Tell the transaction user that the other side did not answer in time.
    case timedOut
    /// Tell the transaction user that the transport could not send.
    case failed
    /// The transaction is in `terminated` and wants to be forgotten.
    case ended
}
