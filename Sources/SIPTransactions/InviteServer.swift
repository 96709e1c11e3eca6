import SIPText

/// The INVITE server transaction: RFC 3261 section 17.2.1, figure 7, as corrected by RFC 6026 section 7.1.
///
/// ```
///                                INVITE
///                                   | to TU
///                                   v
///           INVITE: send last  +------------+  1xx from TU: send
///              +-------------- |            | -------------+
///              +-------------> | proceeding | <------------+
///                              |            | --+ transport error: inform TU (*)
///                              +------------+ <-+
///             300-699 from TU:   |        |   2xx from TU: send, start L (*)
///             send, start G, H   |        |
///                 +--------------+        +--------------+
///                 v                                      v
///           +-----------+  INVITE: send            +----------+  INVITE: absorb (*)
///           |           | --+                      |          | --+
///      +--- | completed |   | G: send, start G     | accepted |   | ACK: to TU (*)
///      |    |           | <-+ error: inform TU (*) |   (*)    |   | 2xx from TU: send (*)
///      |    +-----------+                          |          | <-+ error: inform TU (*)
///      |          | ACK: start I                   +----------+
///      |          v                                      | L (*)
///    H |    +-----------+                                |
///  inform   | confirmed | ACK: absorb                    |
///   TU |    +-----------+                                |
///      |          | I                                    |
///      |          v                                      |
///      |    +------------+                               |
///      +--> | terminated | <-----------------------------+
///           +------------+
/// ```
/// (*) is RFC 6026: figure 7 went to `terminated` on a 2xx and on a transport error.
///
/// The 100 that section 17.2.1 wants within 200 ms is the transaction user's to send: it answers an INVITE at once, with
/// the 100 or with what makes it needless.
struct InviteServer: Equatable, Sendable {
    enum Input: Equatable, Sendable {
        /// The INVITE once more.
        case invite
        case ack(Message)
        /// 1xx from the transaction user.
        case provisional(Message)
        /// 2xx from the transaction user.
        case success(Message)
        /// 300 to 699 from the transaction user.
        case failure(Message)
        case fired(TimerName)
        case transportFailed
    }

    private enum State: Equatable, Sendable {
        case proceeding(last: Message?)
        case accepted
        case completed(Message, resendAfter: Duration)
        case confirmed
        case terminated
    }

    private var state = State.proceeding(last: nil)
    private let timers: Timers
    private let isReliable: Bool
    /// How often timer G may still send.
    private var repeats: Int

    /// The INVITE has come and goes to the transaction user: `proceeding`.
    ///
    /// - Parameter repeats: how often a failure is sent again at most, to who may not have sent the INVITE.
    init(timers: Timers, isReliable: Bool, repeats: Int = .max) {
        self.timers = timers
        self.isReliable = isReliable
        self.repeats = repeats
    }

    /// Whether nothing was answered yet.
    var isUntouched: Bool { state == .proceeding(last: nil) }

    mutating func handle(_ input: Input) -> [Effect] {
        switch (state, input) {
        case (.proceeding(let last), .invite):
            return last.map { [.send($0)] } ?? []
        case (.proceeding, .provisional(let response)):
            state = .proceeding(last: response)
            return [.send(response)]
        case (.proceeding, .success(let response)):
            state = .accepted
            return [.send(response), .start(.l, timers.transactionTime)]
        case (.proceeding, .failure(let response)):
            state = .completed(response, resendAfter: timers.t1)
            let h = Effect.start(.h, timers.transactionTime)
            return isReliable ? [.send(response), h] : [.send(response), .start(.g, timers.t1), h]
        case (.proceeding, .transportFailed):
            return [.failed]

        case (.accepted, .ack(let ack)):
            return [.deliver(ack)]
        case (.accepted, .success(let response)):
            return [.send(response)]
        case (.accepted, .transportFailed):
            return [.failed]
        case (.accepted, .fired(.l)):
            state = .terminated
            return [.ended]

        case (.completed(let response, _), .invite):
            return [.send(response)]
        case (.completed(let response, let pause), .fired(.g)):
            guard repeats > 0 else { return [] }
            repeats -= 1
            let next = min(pause * 2, timers.t2)
            state = .completed(response, resendAfter: next)
            return [.send(response), .start(.g, next)]
        case (.completed, .ack):
            state = .confirmed
            return isReliable
                ? [.cancel(.h), .start(.i, .zero)] : [.cancel(.g), .cancel(.h), .start(.i, timers.t4)]
        case (.completed, .fired(.h)):
            state = .terminated
            return isReliable ? [.timedOut, .ended] : [.cancel(.g), .timedOut, .ended]
        case (.completed, .transportFailed):
            return [.failed]

        case (.confirmed, .fired(.i)):
            state = .terminated
            return [.ended]

        // The blank cells of the figure: absorb. A timer can fire while its cancellation is under way.
        case (.proceeding, .ack), (.proceeding, .fired),
            (.accepted, .invite), (.accepted, .provisional), (.accepted, .failure), (.accepted, .fired),
            (.completed, .provisional), (.completed, .success), (.completed, .failure), (.completed, .fired),
            (.confirmed, .invite), (.confirmed, .ack), (.confirmed, .provisional), (.confirmed, .success),
            (.confirmed, .failure), (.confirmed, .fired), (.confirmed, .transportFailed),
            (.terminated, .invite), (.terminated, .ack), (.terminated, .provisional), (.terminated, .success),
            (.terminated, .failure), (.terminated, .fired), (.terminated, .transportFailed):
            return []
        }
    }
}
