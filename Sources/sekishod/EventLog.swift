import Configuration
import Crypto
import Gateway
import Logging
import Wire

/// Writes the controller's events to standard error, one line each.
struct EventLog {
    private var logger: Logger

    init(level: ProxySettings.LogLevel) {
        logger = Logger(label: "sekishod", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel =
            switch level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            case .critical: .critical
            }
    }

    /// Why a TLS connection was not made, or broke.
    func write(_ error: TLSError, with remote: Endpoint) { logger.notice("TLS with \(remote): \(error)") }

    func write(_ event: GatewayEvent) {
        switch event {
        case .holesChanged(let id, let holes): logger.info("session \(id): \(holes) open")
        case .sessionOpened(let id, let callID): logger.info("session \(id): INVITE, Call-ID \(printable(callID))")
        case .sessionClosed(let id, let reason): logger.info("session \(id): over, \(reason.rawValue)")
        case .refused(let callID, let status, let why):
            logger.notice("refused with \(status): \(printable(Array(why.utf8))), Call-ID \(printable(callID))")
        case .malformed(let error, let source): logger.notice("malformed message from \(source): \(error)")
        case .gateConnected(let closed):
            logger.notice("the gate answers; \(closed) sessions of an earlier run closed there")
        case .restored(let calls, let ended):
            logger.notice("\(calls) calls of the run before go on; \(ended) that were being set up are closed")
        case .gateDisconnected:
            logger.error("the gate is gone; new calls are refused until it answers, open holes close by their timeout")
        }
    }

    /// A damaged database was replaced at the start.
    func recovered(_ what: String) {
        logger.error("the registrations were damaged and the backup took their place: \(what)")
    }

    /// Calls of earlier runs that nobody goes on with.
    func gaveUp(_ calls: Int) {
        logger.notice("\(calls) calls of an earlier run are given up: their holes have closed since")
    }

    /// The journal cannot be read or written.
    func journalFailed(_ what: String) { logger.error("journal: \(what)") }

    /// The database cannot be read.
    func storeFailed(_ error: any Error) { logger.error("registrations: \(error)") }

    /// Octets from outside in a log line: printable ASCII, bounded, so that no peer writes lines of its own.
    private func printable(_ octets: [UInt8]) -> String {
        String(
            decoding: octets.prefix(128).map {
                $0 > ASCII.space && $0 < 0x7F || $0 == ASCII.space ? $0 : ASCII.question
            },
            as: UTF8.self)
    }
}
