import GateProtocol
import Netfilter

/// The log line of a request.
enum RequestLog {
    /// One line for each change and each refusal; nil for what changes nothing.
    static func line(_ request: GateRequest, _ outcome: GateOutcome) -> String? {
        switch outcome.reply {
        case .completed, .bound, .closed:
            var line = describe(request)
            if case .bound(let bindings) = outcome.reply {
                line += " as " + bindings.map { "\($0.inside)=\($0.external)" }.joined(separator: " ")
            }
            if let closed = outcome.closed { line += "; closed " + describe(closed) }
            return line
        case .refused(let refusal):
            let cause = outcome.error?.description ?? refusal.description
            return "refused \(describe(request)): \(cause)"
        case .renewed(let missing, _):
            return missing.isEmpty ? nil : "renew: \(missing.count) sessions have no holes, first \(missing[0])"
        case .listed, .welcome:
            return nil
        }
    }

    private static func describe(_ request: GateRequest) -> String {
        switch request {
        case .hello(let version): "hello, version \(version)"
        case .openFromAny(let session, let inside): "open \(session) \(Holes(halfOpen: inside))"
        case .narrow(let session, let holes): "narrow \(session) \(holes)"
        case .close(let session): "close \(session)"
        case .renew(let sessions): "renew of \(sessions.count) sessions"
        case .list: "list"
        }
    }

    private static func describe(_ report: HoleReport) -> String {
        let halfOpen = report.halfOpen.map { "any->\($0.inside) in \($0.incoming.packets)" }
        let paths = report.paths.map { "\($0.path) out \($0.outgoing.packets) in \($0.incoming.packets)" }
        return (halfOpen + paths).joined(separator: ", ")
    }
}
