import SIPText

/// The client transaction of every request but INVITE and ACK: RFC 3261 section 17.1.2, figure 6.
///
/// ```
///                     request from TU
///                           | send, start E, F
///                           v
///                     +------------+  E: send, start E
///       +------------ |   trying   | --+
///       |             |            | <-+
///       |             +------------+ ----------------+
///       |                   | 1xx: to TU             |
///       |                   v                        |
///       | 200-699:    +------------+  E: send,       | F or
///       | to TU,      |            |  start E at T2  | transport error:
///       | start K     | proceeding | --+             | inform TU
///       |             |            | <-+ 1xx: to TU  |
///       |             +------------+ ----------------+
///       |                   | 200-699: to TU,        |
///       |                   | start K                |
///       |                   v                        |
///       |             +------------+                 |
///       +-----------> | completed  |                 |
///                     +------------+                 |
///                           | K                      |
///                           v                        |
///                     +------------+                 |
///                     | terminated | <---------------+
///                     +------------+
/// ```
struct NonInviteClient: Equatable, Sendable {
    enum Input: Equatable, Sendable {
        /// 1xx from the server.
        case provisional(Message)
        /// 200 to 699 from the server.
        case final(Message)
        case fired(TimerName)
        case transportFailed
    }

    private enum State: Equatable, Sendable {
        case trying(resendAfter: Duration)
        case proceeding
        case completed
        case terminated
    }

    private var state: State
    private let request: Message
    private let timers: Timers
    private let isReliable: Bool

    private init(request: Message, timers: Timers, isReliable: Bool) {
        state = .trying(resendAfter: timers.t1)
        self.request = request
        self.timers = timers
        self.isReliable = isReliable
    }

    /// The arrow into `trying`.
    static func start(_ request: Message, timers: Timers, isReliable: Bool) -> (NonInviteClient, [Effect]) {
        let f = Effect.start(.f, timers.transactionTime)
        return (
            NonInviteClient(request: request, timers: timers, isReliable: isReliable),
            isReliable ? [.send(request), f] : [.send(request), .start(.e, timers.t1), f]
        )
    }

    mutating func handle(_ input: Input) -> [Effect] {
        switch (state, input) {
        case (.trying(let pause), .fired(.e)):
            let next = min(pause * 2, timers.t2)
            state = .trying(resendAfter: next)
            return [.send(request), .start(.e, next)]
        case (.proceeding, .fired(.e)):
            return [.send(request), .start(.e, timers.t2)]
        case (.trying, .fired(.f)), (.proceeding, .fired(.f)):
            state = .terminated
            return isReliable ? [.timedOut, .ended] : [.cancel(.e), .timedOut, .ended]
        case (.trying, .transportFailed), (.proceeding, .transportFailed):
            state = .terminated
            return stopping + [.failed, .ended]
        case (.trying, .provisional(let response)), (.proceeding, .provisional(let response)):
            state = .proceeding
            return [.deliver(response)]
        case (.trying, .final(let response)), (.proceeding, .final(let response)):
            state = .completed
            return stopping + [.deliver(response), .start(.k, isReliable ? .zero : timers.t4)]

        case (.completed, .fired(.k)):
            state = .terminated
            return [.ended]

        // The blank cells of the figure: absorb.
        case (.trying, .fired), (.proceeding, .fired),
            (.completed, .provisional), (.completed, .final), (.completed, .fired), (.completed, .transportFailed),
            (.terminated, .provisional), (.terminated, .final), (.terminated, .fired), (.terminated, .transportFailed):
            return []
        }
    }

    /// E and F run until the final response.
    private var stopping: [Effect] { isReliable ? [.cancel(.f)] : [.cancel(.e), .cancel(.f)] }
}
