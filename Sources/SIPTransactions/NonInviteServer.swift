import SIPText

/// The server transaction of every request but INVITE and ACK: RFC 3261 section 17.2.2, figure 8.
///
/// ```
///                 request
///                    | to TU
///                    v
///              +------------+
///              |   trying   | --+ request: absorb
///              |            | <-+ transport error: inform TU (*)
///              +------------+
///    1xx from TU: |      | 200-699 from TU: send, start J
///            send |      +------------------+
///                 v                         |
///              +------------+               |
///              |            | --+ request: send last
///              | proceeding |   | 1xx from TU: send
///              |            | <-+ transport error: inform TU (*)
///              +------------+               |
///                 | 200-699 from TU:        |
///                 | send, start J           |
///                 v                         |
///              +------------+               |
///              |            | <-------------+
///              | completed  | --+ request: send last
///              |            | <-+ transport error: inform TU (*)
///              +------------+     other finals from TU: absorb
///                 | J
///                 v
///              +------------+
///              | terminated | <-- gave up, in trying and proceeding (**)
///              +------------+
/// ```
/// (*) RFC 6026 rewrote section 17.2.4: after a transport error a server transaction stays where it is; figure 8 went to
/// `terminated`.
///
/// (**) RFC 4320 section 4.2: a 408 to such a request helps nobody, its client has given up at the same moment. A
/// transaction user that has no answer in time ends the transaction without one. Section 4.1 is the transaction user's:
/// the only provisional response is 100, and over datagrams not before the client's timer E has grown to T2.
struct NonInviteServer: Equatable, Sendable {
    enum Input: Equatable, Sendable {
        /// The request once more.
        case request
        /// 1xx from the transaction user.
        case provisional(Message)
        /// 200 to 699 from the transaction user.
        case final(Message)
        /// The transaction user has no answer.
        case giveUp
        case fired(TimerName)
        case transportFailed
    }

    private enum State: Equatable, Sendable {
        case trying
        case proceeding(last: Message)
        case completed(Message)
        case terminated
    }

    private var state = State.trying
    private let timers: Timers
    private let isReliable: Bool

    /// The request has come and goes to the transaction user: `trying`.
    init(timers: Timers, isReliable: Bool) {
        self.timers = timers
        self.isReliable = isReliable
    }

    /// Whether nothing was answered yet.
    var isUntouched: Bool { state == .trying }

    mutating func handle(_ input: Input) -> [Effect] {
        switch (state, input) {
        case (.trying, .provisional(let response)), (.proceeding, .provisional(let response)):
            state = .proceeding(last: response)
            return [.send(response)]
        case (.trying, .final(let response)), (.proceeding, .final(let response)):
            state = .completed(response)
            return [.send(response), .start(.j, isReliable ? .zero : timers.transactionTime)]
        case (.trying, .giveUp), (.proceeding, .giveUp):
            state = .terminated
            return [.ended]
        case (.trying, .transportFailed), (.proceeding, .transportFailed), (.completed, .transportFailed):
            return [.failed]

        case (.proceeding(let response), .request), (.completed(let response), .request):
            return [.send(response)]

        case (.completed, .fired(.j)):
            state = .terminated
            return [.ended]

        // The blank cells of the figure: absorb.
        case (.trying, .request), (.trying, .fired),
            (.proceeding, .fired),
            (.completed, .provisional), (.completed, .final), (.completed, .giveUp), (.completed, .fired),
            (.terminated, .request), (.terminated, .provisional), (.terminated, .final), (.terminated, .giveUp),
            (.terminated, .fired), (.terminated, .transportFailed):
            return []
        }
    }
}
