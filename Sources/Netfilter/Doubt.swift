import GateProtocol
import Glibc
import Wire

// Errors that do not say whether anything was changed. What the gate believes must be what the kernel holds: else a hole is
// reported closed that is open.
extension NetfilterError {
    /// Whether the kernel may have done it all the same: it was asked, and its answer is lost (ENOBUFS: the socket had no room
    /// for it).
    var leavesDoubt: Bool { attempt == .receive || attempt == .endBatch && errno == EPROTO }

    /// Whether nothing was done, and the same again may be: somebody else wrote in between, or a signal came.
    var isPassing: Bool {
        switch (attempt, errno) {
        case (.beginBatch, ERESTART), (.send, EINTR), (.send, EAGAIN): true
        case (_, _): false
        }
    }
}

extension Gatekeeper {
    /// How often what may pass is asked for again. It takes microseconds; who is refused as often is told.
    static var mostRepetitions: Int { 3 }

    /// Has a transaction done, again where that may help. When it is not known whether it was done, it is undone.
    mutating func applySurely(
        _ transaction: Transaction, at now: MonotonicTime
    ) throws(NetfilterError) -> [ElementKey: Traffic] {
        try settle(at: now)
        var repetitions = 0
        while true {
            do throws(NetfilterError) {
                return try kernel.apply(transaction)
            } catch {
                if error.leavesDoubt {
                    doubt = Transaction(old: transaction.wanted, wanted: transaction.old, timeout: transaction.timeout)
                    try? settle(at: now)
                    throw error
                }
                guard error.isPassing, repetitions < Self.mostRepetitions else { throw error }
                repetitions += 1
            }
        }
    }

    /// Brings the kernel back to what is believed. Nothing else is done before: it could be reported wrongly.
    mutating func settle(at now: MonotonicTime) throws(NetfilterError) {
        guard let doubt else { return }
        do throws(NetfilterError) {
            _ = try kernel.apply(doubt)
        } catch {
            // The table as it shall be, in one transaction: what was counted is lost, no packet is.
            _ = try restore(at: now)
        }
        self.doubt = nil
    }
}
