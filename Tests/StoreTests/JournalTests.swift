import Glibc
import Lab
import Store
import Testing
import Wire

/// What a process leaves for the next one.
@Suite struct JournalTests {
    private static let boot = Array("boot".utf8)

    private func time(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

    private func contents(
        _ folder: Folder, at seconds: Int64 = 0, boot: [UInt8] = JournalTests.boot
    ) throws -> SessionJournal.Contents {
        try SessionJournal.open(folder.journal).contents(at: time(seconds), boot: boot)
    }

    @Test func `what was written last is there, and what was dropped is not`() throws {
        let folder = try Folder()
        do {
            let journal = try SessionJournal.open(folder.journal)
            #expect(journal.recovery == nil)
            try journal.keep(1, [1, 2], at: time(0))
            try journal.keep(.max, [3], at: time(0))
            try journal.keep(2, [4], at: time(0))
            try journal.keep(1, [5], at: time(0))
            try journal.drop(2)
            try journal.drop(7)
        }
        #expect(
            try Dictionary(uniqueKeysWithValues: contents(folder).rows.map { ($0.session, $0.record) })
                == [1: [5], .max: [3]])
    }

    @Test func `it is there for nobody else, whatever the umask`() throws {
        let folder = try Folder()
        let journal = try SessionJournal.open(folder.journal)
        try journal.keep(1, [1], at: time(0))
        for name in folder.names { #expect(folder.mode(name) == 0o600, "\(name)") }
        #expect(folder.names.contains("journal.db-wal"))
    }

    @Test func `rows whose holes have closed meanwhile are stale, to the nanosecond`() throws {
        let folder = try Folder()
        do {
            let journal = try SessionJournal.open(folder.journal)
            try journal.keep(1, [1], at: time(10))
            try journal.renewed(at: time(20), for: .seconds(60), boot: Self.boot)
            try journal.keep(2, [2], at: time(30))
        }
        #expect(try contents(folder, at: 80).rows.map(\.session) == [1, 2])
        do {
            let journal = try SessionJournal.open(folder.journal)
            let later = try journal.contents(at: MonotonicTime(nanoseconds: 80_000_000_001), boot: Self.boot)
            #expect(later.rows.map(\.session) == [2] && later.stale == 1)
        }
        // It is gone.
        #expect(try contents(folder, at: 80).rows.map(\.session) == [2])
    }

    @Test func `another boot has other calls`() throws {
        let folder = try Folder()
        do {
            let journal = try SessionJournal.open(folder.journal)
            try journal.keep(1, [1], at: time(10))
            try journal.renewed(at: time(20), for: .seconds(60), boot: Self.boot)
        }
        let other = try contents(folder, at: 21, boot: [])
        #expect(other.rows.isEmpty && other.stale == 1)
    }

    @Test func `a time to come is of another boot`() throws {
        let folder = try Folder()
        do { try SessionJournal.open(folder.journal).keep(1, [1], at: time(10)) }
        let earlier = try contents(folder, at: 9)
        #expect(earlier.rows.isEmpty && earlier.stale == 1)
    }

    @Test func `two do not write one journal`() throws {
        let folder = try Folder()
        let first = try SessionJournal.open(folder.journal)
        try first.keep(1, [1], at: time(0))
        #expect(code { _ = try SessionJournal.open(folder.journal) } == .busy)
        try first.keep(2, [2], at: time(0))
        #expect(folder.names.allSatisfy { !$0.contains("damaged") })
    }

    @Test(arguments: ["text", "other", "cut", "flipped", "open", "link"])
    func `what cannot be trusted is moved aside, and a new one is begun`(_ how: String) throws {
        let folder = try Folder()
        do {
            let journal = try SessionJournal.open(folder.journal)
            for number in 0..<500 as Range<UInt64> {
                try journal.keep(number, [UInt8](repeating: 1, count: 700), at: time(0))
            }
        }
        var octets = folder.octets("journal.db")
        switch how {
        case "text": octets = Array("not a database, but long enough to be read as one".utf8)
        case "other":
            unlink(folder.journal)
            try Command.output(["sqlite3", folder.journal, "CREATE TABLE t (x)"])
            octets = folder.octets("journal.db")
        case "cut": octets.removeSubrange((octets.count / 2)...)
        case "flipped": for index in 8_192..<8_292 { octets[index] ^= 0xFF }
        default: break
        }
        try folder.write(octets, to: "journal.db")
        if how == "open" { chmod(folder.journal, 0o644) }
        if how == "link" {
            rename(folder.journal, folder.journal + ".other")
            symlink(folder.journal + ".other", folder.journal)
        }
        for number in 1...2 {
            let journal = try SessionJournal.open(folder.journal)
            #expect((journal.recovery != nil) == (number == 1), "\(journal.recovery ?? "")")
            #expect(try journal.contents(at: time(0), boot: Self.boot).rows.isEmpty)
            try journal.keep(1, [1], at: time(0))
            try journal.drop(1)
        }
        #expect(folder.names.contains("journal.db.damaged"))
    }

    @Test func `a process that is killed leaves the last write or the one before it`() throws {
        let folder = try Folder()
        for run in 0..<20 as Range<UInt32> {
            let writer = try Child(
                "writer", [Child.product("store-writer"), "--journal", folder.journal], directory: folder.path)
            try writer.expect("ready")
            usleep(5_000 + run * 1_500)
            writer.signal(SIGKILL)
            _ = writer.wait(seconds: 2)
            // Each number's record says how often it was written, and they are written in turn.
            let journal = try SessionJournal.open(folder.journal)
            #expect(journal.recovery == nil)
            let rows = try journal.contents(at: time(1), boot: Self.boot).rows
            let counts = rows.map { row in row.record.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
            #expect(rows.count <= 50)
            #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "run \(run)")
            for row in rows { try journal.drop(row.session) }
        }
    }
}

extension Folder {
    var journal: String { "\(path)/journal.db" }
}
