import CLinux
import GateProtocol
import Gateway
import Glibc
import Store
import Wire

/// One event loop's journal: what `Gateway` wants to have written, in a file on a tmpfs. Belongs to that event loop.
///
/// Where it cannot be written, the calls go on without: the file is removed then, so that nobody goes on with what is not
/// so any more.
///
/// `@unchecked Sendable`: it is made on the first event loop and used on its own only.
final class Journal: @unchecked Sendable {
    private let path: String
    private var file: SessionJournal?
    private let boot: [UInt8]
    private let log: EventLog

    private init(_ path: String, _ file: SessionJournal, _ boot: [UInt8], _ log: EventLog) {
        self.path = path
        self.file = file
        self.boot = boot
        self.log = log
    }

    /// Whether what is written will be found.
    var isWorking: Bool { file != nil }

    /// Performs an effect.
    func write(_ entry: JournalEntry) {
        guard let file else { return }
        do throws(StoreError) {
            switch entry {
            case .keep(let session, let record): try file.keep(session.value, record, at: Self.now)
            case .drop(let session): try file.drop(session.value)
            case .renewed(let timeout): try file.renewed(at: Self.now, for: timeout, boot: boot)
            }
        } catch {
            log.journalFailed("\(error)")
            giveUp()
        }
    }

    /// The next process finds nothing.
    func giveUp() {
        guard file != nil else { return }
        file = nil
        SessionJournal.remove(path)
    }

    private static var now: MonotonicTime { MonotonicTime(nanoseconds: CLinux_boottime()) }
}

// MARK: - Opening

extension Journal {
    /// The journals of all event loops and what the processes before this one left in them.
    struct Opened: Sendable {
        /// One for each event loop; nil where none can be made.
        var journals: [Journal?] = []
        /// What each event loop goes on with.
        var records: [[SessionRecord]] = []
        /// Sessions whose holes have ended since, or whose record says nothing.
        var lost = 0
        /// What was wrong, for the log.
        var faults: [String] = []
    }

    /// As many event loops as there may ever have been (`event_loops`).
    private static let mostLoops = 4

    /// Opens one file for each event loop, and reads those of event loops that there were before.
    ///
    /// - Parameters:
    ///   - path: of the first; the others have a number behind it.
    ///   - loopOf: which event loop a call belongs to, by its Call-ID.
    /// - Throws: when another process has one open: it is at work.
    static func open(
        _ path: String, loops: Int, log: EventLog, loopOf: ([UInt8]) -> Int
    ) throws(StoreError) -> Opened {
        let boot = bootIdentifier()
        var opened = Opened()
        opened.records = Array(repeating: [], count: loops)
        var moved: [(record: SessionRecord, from: Journal?)] = []
        var former: [Journal] = []
        var seen: Set<UInt64> = []
        for index in 0..<mostLoops {
            let name = index == 0 ? path : "\(path).\(index)"
            if index >= loops, access(name, F_OK) != 0 { continue }
            let journal: Journal?
            do throws(StoreError) {
                let file = try SessionJournal.open(name)
                if let recovery = file.recovery { opened.faults.append("not trusted: \(recovery)") }
                journal = Journal(name, file, boot, log)
                let contents = try file.contents(at: now, boot: boot)
                opened.lost += contents.stale
                for row in contents.rows {
                    guard let record = SessionRecord(octets: row.record), record.id.value == row.session else {
                        opened.lost += 1
                        try file.drop(row.session)
                        continue
                    }
                    // A process that was killed while it moved sessions left them twice.
                    guard seen.insert(row.session).inserted else { continue }
                    let loop = loopOf(record.callID)
                    opened.records[loop].append(record)
                    if loop != index { moved.append((record, journal)) }
                }
            } catch {
                guard error.code != .busy else { throw error }
                opened.faults.append("\(error); calls end with this process")
                if index < loops { opened.journals.append(nil) }
                continue
            }
            if let journal { if index < loops { opened.journals.append(journal) } else { former.append(journal) } }
        }
        // First where they belong, then away from where they were: killed in between they are there twice.
        for (record, from) in moved {
            if let octets = record.octets { opened.journals[loopOf(record.callID)]?.write(.keep(record.id, octets)) }
            from?.write(.drop(record.id))
        }
        for journal in former { journal.giveUp() }
        return opened
    }

    /// What tells this boot of the machine from others; empty where the service manager hides it. On a tmpfs nothing is there
    /// after another boot.
    private static func bootIdentifier() -> [UInt8] {
        let file = Glibc.open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var octets = [UInt8](repeating: 0, count: 64)
        let count = read(file, &octets, octets.count)
        return Array(octets.prefix(max(0, count)))
    }
}
