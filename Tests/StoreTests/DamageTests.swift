import Corpus
import Glibc
import Lab
import Registration
import Store
import Testing
import Wire

/// Disks and processes that fail: F9 and the half of F1 that is SQLite's.
@Suite(.serialized) struct DamageTests {
    /// A folder with ten users and forty bindings; all in the database file, or the last changes in the log only.
    private func filled(log: Bool) throws -> (folder: Folder, users: [RegisteredUser], states: [[LocationChange]]) {
        let folder = try Folder()
        let names = (0..<10).map { "user\($0)" }
        var states: [[LocationChange]] = []
        do {
            let database = try folder.fresh()
            for name in names { try database.add(Sample.user(name), realm: Sample.realm) }
            try database.apply(try names.map { try Sample.change($0, 4) }, Sample.clock)
            states.append(try database.bindings(Sample.clock))
        }
        guard log else { return (folder, names.map { Sample.user($0) }, states) }
        let database = try folder.open()
        for sequence in 2...6 as ClosedRange<UInt32> {
            try database.apply(try names.map { try Sample.change($0, 3, sequence: sequence) }, Sample.clock)
            states.append(try database.bindings(Sample.clock))
        }
        // Copied while it is open: that is what a machine that loses power has on its disk.
        let copy = try Folder()
        for name in ["registrar.db", "registrar.db-wal"] { try copy.write(folder.octets(name), to: name) }
        return (copy, names.map { Sample.user($0) }, states)
    }

    @Test func `a damaged file gives the right rows or an error, never others`() throws {
        let (folder, users, states) = try filled(log: false)
        let good = folder.octets("registrar.db")
        var random = SplitMix(state: 9)
        var refused = 0
        for run in 0..<400 {
            var octets = good
            switch run % 4 {
            case 0: octets.removeSubrange(Int.random(in: 0..<octets.count, using: &random)...)
            case 1:
                octets[Int.random(in: 0..<octets.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2:
                let page = Int.random(in: 0..<octets.count / 4_096, using: &random) * 4_096
                for index in page..<page + 4_096 { octets[index] = UInt8.random(in: .min ... .max, using: &random) }
            default:
                let (a, b) = (
                    Int.random(in: 1..<octets.count / 4_096, using: &random) * 4_096,
                    Int.random(in: 1..<octets.count / 4_096, using: &random) * 4_096
                )
                for index in 0..<4_096 { octets[a + index] = good[b + index] }
            }
            for name in folder.names where name != "registrar.db" { unlink("\(folder.path)/\(name)") }
            try folder.write(octets, to: "registrar.db")
            do {
                let database = try folder.open()
                #expect(try database.users(realm: Sample.realm) == users, "run \(run)")
                #expect(try database.bindings(Sample.clock) == states[0], "run \(run)")
            } catch { refused += 1 }
        }
        #expect(refused > 200)
    }

    @Test func `a log that is cut or damaged gives the rows of one moment`() throws {
        let (folder, users, states) = try filled(log: true)
        let (file, log) = (folder.octets("registrar.db"), folder.octets("registrar.db-wal"))
        var random = SplitMix(state: 10)
        var seen: Set<Int> = []
        for run in 0..<100 {
            var octets = log
            if run > 0, run.isMultiple(of: 2) {
                octets.removeSubrange(Int.random(in: 0..<octets.count, using: &random)...)
            } else if run > 0 {
                octets[Int.random(in: 0..<octets.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            for name in folder.names { unlink("\(folder.path)/\(name)") }
            try folder.write(file, to: "registrar.db")
            try folder.write(octets, to: "registrar.db-wal")
            do {
                let database = try folder.open()
                #expect(try database.users(realm: Sample.realm) == users, "run \(run)")
                let bindings = try database.bindings(Sample.clock)
                let state = try #require(states.firstIndex(of: bindings), "run \(run)")
                if run == 0 { #expect(state == states.count - 1) }
                seen.insert(state)
            } catch is StoreError {}
        }
        #expect(seen.count > 2)
    }

    @Test func `with a backup the daemon goes on with its users, and the damaged file is kept`() throws {
        let (folder, users, _) = try filled(log: false)
        try folder.open().backUp()
        var octets = folder.octets("registrar.db")
        for index in 4_096..<octets.count { octets[index] = 0xFF }
        for suffix in ["-wal", "-shm"] { unlink(folder.database + suffix) }
        try folder.write(octets, to: "registrar.db")
        #expect(folder.fault() == .damaged)
        #expect(folder.octets("registrar.db") == octets)
        let database = try folder.open(recovers: true)
        let recovery = try #require(database.recovery)
        #expect(recovery.damaged == folder.database + ".damaged-1")
        #expect(folder.octets("registrar.db.damaged-1") == octets)
        #expect(try database.users(realm: Sample.realm) == users)
        #expect(try database.bindings(Sample.clock).isEmpty)
        for name in folder.names { #expect(folder.mode(name) == 0o600, "\(name)") }
        // The next start finds nothing wrong.
        #expect(try folder.open(recovers: true).recovery == nil)
    }

    @Test func `without a backup, or with a damaged one, nothing is touched and the daemon does not start`() throws {
        let (folder, _, _) = try filled(log: false)
        let octets = [UInt8](repeating: 0xFF, count: 20_000)
        for suffix in ["-wal", "-shm"] { unlink(folder.database + suffix) }
        try folder.write(octets, to: "registrar.db")
        for _ in 0..<2 { #expect(folder.fault(recovers: true) == .damaged) }
        try folder.write(octets, to: "registrar.db.backup")
        for _ in 0..<2 { #expect(folder.fault(recovers: true) == .damaged) }
        #expect(folder.octets("registrar.db") == octets)
        #expect(!folder.names.contains { $0.contains("damaged") })
    }

    @Test func `an empty file is damaged, not a registrar without users`() throws {
        let (folder, users, _) = try filled(log: false)
        try folder.open().backUp()
        for suffix in ["-wal", "-shm"] { unlink(folder.database + suffix) }
        try folder.write([], to: "registrar.db")
        #expect(folder.fault() == .damaged)
        #expect(try folder.open(recovers: true).users(realm: Sample.realm) == users)
    }

    @Test func `more damaged files than are kept is an error, and the last one stays where it is`() throws {
        let (folder, _, _) = try filled(log: false)
        try folder.open().backUp()
        let octets = [UInt8](repeating: 0xFF, count: 20_000)
        for number in 1...10 {
            for suffix in ["-wal", "-shm"] { unlink(folder.database + suffix) }
            try folder.write(octets, to: "registrar.db")
            #expect(folder.fault(recovers: true) == (number < 10 ? nil : .system))
        }
        #expect(folder.octets("registrar.db") == octets)
    }

    @Test func `a writer that is killed leaves whole changes, and every one that it had confirmed`() throws {
        let folder = try Folder()
        _ = try folder.fresh()
        var random = SplitMix(state: 11)
        var last = 0
        for run in 0..<12 {
            let child = try Child(
                "writer\(run)", [Child.product("store-writer"), folder.database], directory: folder.path)
            try child.expect("3\n")
            usleep(UInt32.random(in: 0..<30_000, using: &random))
            child.signal(SIGKILL)
            #expect(child.wait(seconds: 10) == 128 + SIGKILL)
            let confirmed = child.text.split(separator: "\n").compactMap { Int($0) }.last ?? 0
            let changes = try folder.open().bindings(WallClock(unixNanoseconds: 0, at: .init(nanoseconds: 0)))
            let rounds = Set(changes.flatMap { $0.bindings.map(\.sequence) })
            #expect(rounds.count == 1, "run \(run)")
            let round = Int(try #require(rounds.first))
            #expect(round == confirmed || round == confirmed + 1)
            #expect(changes.map(\.bindings.count) == [5, round.isMultiple(of: 2) ? 7 : 3])
            last = max(last, round)
        }
        #expect(last > 3)
    }
}
