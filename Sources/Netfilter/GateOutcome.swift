public import GateProtocol
import Glibc

/// What one request came to.
public struct GateOutcome: Hashable, Sendable {
    /// What the asker is answered.
    public let reply: GateReply
    /// The last counts of the holes that the request closed.
    public let closed: HoleReport?

    /// The kernel's error in full, when it is the reason of a refusal.
    public let error: NetfilterError?

    init(_ reply: GateReply, closed: HoleReport? = nil) {
        self.reply = reply
        self.closed = closed
        self.error = nil
    }

    init(_ failure: GateFailure) {
        closed = nil
        switch failure {
        case .refused(let refusal):
            reply = .refused(refusal)
            error = nil
        case .kernel(let kernelError):
            // A set that has reached its size answers ENFILE.
            let reason: GateRefusal.Reason = kernelError.errno == ENFILE ? .tableFull : .kernel
            reply = .refused(GateRefusal(reason, errno: kernelError.errno))
            error = kernelError
        }
    }
}

/// Why a request was not done.
enum GateFailure: Error {
    case refused(GateRefusal)
    case kernel(NetfilterError)
}
