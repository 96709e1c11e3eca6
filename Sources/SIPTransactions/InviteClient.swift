import SIPText

/// The INVITE client transaction: RFC 3261 section 17.1.1, figure 5, as corrected by RFC 6026 section 7.2.
///
/// ```
///                              INVITE from TU
///                                   | send, start A, B
///                                   v
///                             +------------+   A: send, start A
///                             |  calling   | --+
///              +------------- |            | <-+
///              |              +------------+ -----------------------------+
///              |                |        |                                |
///     300-699: |                |        | 1xx: to TU                     | B or
///   send ACK,  |          2xx:  |        v                                | transport error:
///      to TU,  |         to TU, |   +------------+  1xx: to TU            | inform TU
///     start D  |      start M   |   | proceeding | --+                    |
///              |          (*)   |   |            | <-+                    |
///              |                |   +------------+ --- gave up (**) -+    |
///              |                |     |        |                     |    |
///              |  +-------------|-----+        | 2xx: to TU,         |    |
///              |  | 300-699:    |              | start M (*)         |    |
///              |  | as from     |              |                     |    |
///              v  v calling     v              v                     |    |
///           +------------+     +------------------+                  |    |
///           |            | --+ |                  | --+ 2xx: to TU (*)    |
///           | completed  |   | |     accepted (*) | <-+              |    |
///           |            | <-+ +------------------+                  |    |
///           +------------+   300-699: send ACK |                     |    |
///              |       |                       | M (*)               |    |
///            D |       | transport error:      |                     |    |
///              |       | inform TU             |                     |    |
///              v       v                       v                     v    v
///           +----------------------------------------------------------------+
///           |                           terminated                           |
///           +----------------------------------------------------------------+
/// ```
/// (*) is RFC 6026: figure 5 went to `terminated` on the first 2xx, and every further one was nobody's.
///
/// (**) Sections 9.1 and 16.8: nothing in the figure ends a transaction whose server sends provisional responses only. A
/// transaction user that sent CANCEL, or whose timer C fired, gives up; in `calling` too.
struct InviteClient: Equatable, Sendable {
    enum Input: Equatable, Sendable {
        /// 1xx from the server.
        case provisional(Message)
        /// 2xx from the server.
        case success(Message)
        /// 300 to 699 from the server.
        case failure(Message)
        /// The transaction user waits no longer.
        case giveUp
        case fired(TimerName)
        case transportFailed
    }

    private enum State: Equatable, Sendable {
        case calling(resendAfter: Duration)
        case proceeding
        case accepted
        case completed(ack: Message)
        case terminated
    }

    private var state: State
    private let invite: Message
    private let timers: Timers
    private let isReliable: Bool

    private init(invite: Message, timers: Timers, isReliable: Bool) {
        state = .calling(resendAfter: timers.t1)
        self.invite = invite
        self.timers = timers
        self.isReliable = isReliable
    }

    /// The arrow into `calling`.
    static func start(_ invite: Message, timers: Timers, isReliable: Bool) -> (InviteClient, [Effect]) {
        let b = Effect.start(.b, timers.transactionTime)
        return (
            InviteClient(invite: invite, timers: timers, isReliable: isReliable),
            isReliable ? [.send(invite), b] : [.send(invite), .start(.a, timers.t1), b]
        )
    }

    mutating func handle(_ input: Input) -> [Effect] {
        switch (state, input) {
        case (.calling(let pause), .fired(.a)):
            state = .calling(resendAfter: pause * 2)
            return [.send(invite), .start(.a, pause * 2)]
        case (.calling, .fired(.b)):
            state = .terminated
            return isReliable ? [.timedOut, .ended] : [.cancel(.a), .timedOut, .ended]
        case (.calling, .transportFailed):
            state = .terminated
            return leavingCalling + [.failed, .ended]
        case (.calling, .giveUp):
            state = .terminated
            return leavingCalling + [.ended]
        case (.calling, .provisional(let response)):
            state = .proceeding
            return leavingCalling + [.deliver(response)]
        case (.calling, .success(let response)):
            state = .accepted
            return leavingCalling + [.deliver(response), .start(.m, timers.transactionTime)]
        case (.calling, .failure(let response)):
            return leavingCalling + complete(response)

        case (.proceeding, .provisional(let response)):
            return [.deliver(response)]
        case (.proceeding, .success(let response)):
            state = .accepted
            return [.deliver(response), .start(.m, timers.transactionTime)]
        case (.proceeding, .failure(let response)):
            return complete(response)
        case (.proceeding, .giveUp):
            state = .terminated
            return [.ended]

        case (.accepted, .success(let response)):
            return [.deliver(response)]
        case (.accepted, .fired(.m)):
            state = .terminated
            return [.ended]

        case (.completed(let ack), .failure):
            return [.send(ack)]
        case (.completed, .fired(.d)):
            state = .terminated
            return [.ended]
        case (.completed, .transportFailed):
            state = .terminated
            return [.cancel(.d), .failed, .ended]

        // The blank cells of the figure: absorb. In proceeding and accepted nothing is sent that could fail, and a
        // response can still come over another connection (section 18.2.2).
        case (.calling, .fired),
            (.proceeding, .fired), (.proceeding, .transportFailed),
            (.accepted, .provisional), (.accepted, .failure), (.accepted, .giveUp), (.accepted, .fired),
            (.accepted, .transportFailed),
            (.completed, .provisional), (.completed, .success), (.completed, .giveUp), (.completed, .fired),
            (.terminated, .provisional), (.terminated, .success), (.terminated, .failure), (.terminated, .giveUp),
            (.terminated, .fired), (.terminated, .transportFailed):
            return []
        }
    }

    /// A and B run in `calling` only.
    private var leavingCalling: [Effect] { isReliable ? [.cancel(.b)] : [.cancel(.a), .cancel(.b)] }

    private mutating func complete(_ response: Message) -> [Effect] {
        let ack = Message.acknowledgement(of: response, to: invite)
        state = .completed(ack: ack)
        return [.send(ack), .deliver(response), .start(.d, isReliable ? .zero : timers.acknowledgingTime)]
    }
}
