import GateProtocol
import SIPText
import SIPTransactions
import Wire

/// The session timer that the gateway asks for (RFC 4028).
public struct SessionTimerPolicy: Hashable, Sendable {
    /// What Session-Expires is set to where the caller names none, and at most: seconds.
    public var expires: UInt32
    /// The shortest that is accepted: seconds, 90 at least (section 5).
    public var minimum: UInt32

    /// What no Min-SE may be below: seconds (section 5).
    public static let smallestMinimum: UInt32 = 90

    /// The interval to ask for and the shortest to accept, in seconds; what is too small is raised.
    public init(expires: UInt32 = 1_800, minimum: UInt32 = smallestMinimum) {
        self.minimum = max(minimum, Self.smallestMinimum)
        self.expires = max(expires, self.minimum)
    }
}

/// What a request for a session timer said when it left.
struct SessionTimerRequest {
    /// Session-Expires as it was sent on.
    var expires: UInt32
    /// Whether the sender knows session timers: it can be asked to refresh.
    var isSupported: Bool
}

// Session timers in a proxy (RFC 4028 section 8). They find the calls whose phones went away without a word.
extension SessionController {
    /// Writes the gateway's wish into an INVITE or UPDATE of a call.
    ///
    /// - Returns: the 422 when the sender wants a shorter interval than is accepted, and can be told.
    func adjustSessionTimer(_ context: ProxyContext) -> Rejection? {
        guard let policy = settings.sessionTimer, context.session != nil,
            context.request.method == .invite || context.request.method == .update
        else { return nil }
        let isSupported = context.request.lists("timer", in: .supported)
        let minimum = max(context.request.leadingSeconds(of: .minSE) ?? 0, policy.minimum)
        var expires = policy.expires
        if let wanted = context.request.leadingSeconds(of: .sessionExpires) {
            if wanted < policy.minimum {
                guard !isSupported else { return .intervalTooSmall(policy.minimum) }
                expires = minimum
            } else {
                expires = max(min(wanted, policy.expires), minimum)
            }
            if expires != wanted { context.request.setLeadingSeconds(of: .sessionExpires, expires) }
        } else {
            expires = max(policy.expires, minimum)
            context.request.append(.sessionExpires, decimal: UInt64(expires))
        }
        // Whoever knows session timers is told by a 422 (section 8.1).
        if !isSupported, context.request.leadingSeconds(of: .minSE) ?? SessionTimerPolicy.smallestMinimum < minimum {
            context.request.set(.minSE, decimal: UInt64(minimum))
        }
        context.timer = SessionTimerRequest(expires: expires, isSupported: isSupported)
        return nil
    }

    /// Writes the interval that was asked for into a 2xx that names none, when the caller can refresh.
    func writeSessionTimer(_ context: ProxyContext, _ response: inout Message) {
        guard let asked = context.timer, asked.isSupported, let id = context.session, sessions[id]?.isOver == false,
            response.leadingSeconds(of: .sessionExpires) == nil
        else { return }
        var value: [UInt8] = []
        ASCII.append(decimal: UInt64(asked.expires), to: &value)
        value.append(literal: ";refresher=uac")
        response.append(.sessionExpires, value)
        if !response.lists("timer", in: .require) { response.append(.require, Array("timer".utf8)) }
    }

    /// A 2xx settles the interval: the one that it names, as it is sent on.
    mutating func keepSessionTimer(_ context: ProxyContext, _ response: Message) {
        guard context.timer != nil, let id = context.session, sessions[id]?.isOver == false else { return }
        if let agreed = response.leadingSeconds(of: .sessionExpires) {
            return startSessionTimer(id, max(agreed, SessionTimerPolicy.smallestMinimum))
        }
        sessions[id]?.hasTimer = false
        effects.append(.cancelTimer(.sessionExpires(id)))
    }

    private mutating func startSessionTimer(_ id: SessionID, _ seconds: UInt32) {
        sessions[id]?.hasTimer = true
        sessions[id]?.expires = now + .seconds(Int64(seconds))
        effects.append(.startTimer(.sessionExpires(id), .seconds(Int64(seconds))))
    }

    /// Nobody refreshed the session: it is over (section 10), and both ends are told.
    mutating func sessionExpired(_ id: SessionID) {
        guard sessions[id] != nil else { return }
        sessions[id]?.hasTimer = false
        hangUp(id, .expired)
    }
}

extension Rejection {
    /// The session timer that is asked for is too short (RFC 4028 section 6).
    static func intervalTooSmall(_ minimum: UInt32) -> Rejection {
        var rejection = Rejection(422, "Session Interval Too Small", "the session timer is too short")
        rejection.minSE = minimum
        return rejection
    }
}

extension Message {
    /// Whether an option tag stands in a list of them, in any letter case.
    func lists(_ tag: StaticString, in name: HeaderName) -> Bool {
        values(of: name).contains { ASCII.equalIgnoringCase(octets($0), tag) }
    }

    /// The number of seconds that Session-Expires and Min-SE begin with.
    func leadingSeconds(of name: HeaderName) -> UInt32? {
        guard let slice = firstValue(of: name) else { return nil }
        var cursor = Cursor(octets(slice))
        guard let number = try? cursor.decimal(upTo: UInt64(UInt32.max), in: "delta-seconds") else { return nil }
        return UInt32(number)
    }

    /// Replaces that number; parameters behind it stay.
    mutating func setLeadingSeconds(of name: HeaderName, _ seconds: UInt32) {
        guard let slice = value(of: name) else { return }
        var value: [UInt8] = []
        ASCII.append(decimal: UInt64(seconds), to: &value)
        value += copy(slice).drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        set(name, value)
    }
}
