public import SIPText

/// A transaction of one layer. The layer issues it and never issues it again.
public struct TransactionID: Hashable, Sendable {
    /// Bits of the place: more transactions than any layer may have.
    static let placeBits: UInt64 = 24

    /// Of two transactions, the one that began later has the greater number.
    @usableFromInline let number: UInt64

    /// - Parameters:
    ///   - serial: how many transactions came before.
    ///   - place: a number that no other living transaction has, below 2 to the power of `placeBits`.
    init(serial: UInt64, place: Int) { number = serial << Self.placeBits | UInt64(place) }

    /// Where maps have what belongs to the transaction.
    @inlinable var place: Int { Int(number & 0xFF_FFFF) }
}

extension TransactionID: CustomStringConvertible {
    /// The number behind the word `transaction`, for messages.
    public var description: String { "transaction \(number)" }
}

/// A timer of a transaction: what the shell arms and gives back when it fires.
public struct TimerToken: Hashable, Sendable {
    /// The transaction that the timer belongs to.
    public let transaction: TransactionID
    /// Which of its timers it is.
    public let name: TimerName
}

/// What the layer wants done, in order.
public enum TransactionAction: Equatable, Sendable {
    // MARK: For the shell
    /// Send the message; a failure comes back by `transportFailed(to:)` with this destination.
    case send(Message, Destination)
    /// Arm the timer; one that runs under the same token is replaced.
    case start(TimerToken, Duration)
    /// Disarm the timer.
    case cancel(TimerToken)

    // MARK: For the transaction user
    /// A new server transaction, neither ACK nor CANCEL. It lives until it is answered with `respond`.
    case request(Message, TransactionID, Flow)
    /// A CANCEL, which has a server transaction of its own to be answered in; `of` is the INVITE server transaction that
    /// it names, in whatever state, or nil when there is none (RFC 3261 section 9.2).
    case cancelRequest(Message, TransactionID, of: TransactionID?, Flow)
    /// An ACK that ends no transaction: for a 2xx, or for nothing. The transaction is the accepted INVITE's when the ACK
    /// has the INVITE's branch, which a 2xx's seldom has.
    case acknowledge(Message, Flow, TransactionID?)
    /// A response to an own request: provisional, final, and each further 2xx to an INVITE.
    case response(Message, TransactionID)
    /// A response that belongs to no client transaction; it is not to be forwarded (RFC 6026 section 7.3).
    case strayResponse(Message, Flow)
    /// No response (timer B, F) or no ACK (timer H) came in time.
    case timedOut(TransactionID)
    /// The transport could not send. A client transaction ends with it, a server transaction goes on.
    case failed(TransactionID)
    /// The transaction is forgotten; this is the last that is heard of it.
    case ended(TransactionID)
}
