import Glibc
import Lab
import Registration
import Store
import Testing
import Wire

@Suite struct DatabaseTests {
    @Test func `users are kept by realm, also over a restart`() throws {
        let folder = try Folder()
        do {
            let database = try folder.fresh()
            try database.add(Sample.user("bob", 2), realm: Sample.realm)
            try database.add(Sample.user("alice"), realm: Sample.realm)
            try database.add(Sample.user("alice", 4), realm: Array("example.org".utf8))
        }
        let database = try folder.open()
        #expect(try database.users(realm: Sample.realm) == [Sample.user("alice"), Sample.user("bob", 2)])
        #expect(try database.users(realm: Array("example.org".utf8)) == [Sample.user("alice", 4)])
        #expect(try database.users(realm: []).isEmpty)
        #expect(database.recovery == nil)
    }

    @Test func `a user is added once, and gets a new password only when that is asked for`() throws {
        let database = try Folder().fresh()
        try database.add(Sample.user("alice"), realm: Sample.realm)
        #expect(code { try database.add(Sample.user("alice", 2), realm: Sample.realm) } == .exists)
        #expect(try database.users(realm: Sample.realm) == [Sample.user("alice")])
        try database.add(Sample.user("alice", 2), realm: Sample.realm, replaces: true)
        #expect(try database.users(realm: Sample.realm) == [Sample.user("alice", 2)])
    }

    @Test func `a removed user is gone with their registrations, and nobody else's`() throws {
        let folder = try Folder()
        let database = try folder.fresh()
        for name in ["alice", "bob"] { try database.add(Sample.user(name), realm: Sample.realm) }
        try database.apply([Sample.change("alice"), Sample.change("bob")], Sample.clock)
        #expect(try database.remove(user: Array("alice".utf8), realm: Sample.realm))
        #expect(try !database.remove(user: Array("alice".utf8), realm: Sample.realm))
        #expect(try database.users(realm: Sample.realm) == [Sample.user("bob")])
        #expect(try database.bindings(Sample.clock) == [Sample.change("bob")])
        #expect(folder.fault() == nil)
    }

    @Test func `bindings come back as they were, in their order`() throws {
        let folder = try Folder()
        do {
            let database = try folder.fresh()
            try database.apply([Sample.change("bob"), Sample.change("alice", 1)], Sample.clock)
            try database.apply([Sample.change("bob", 2, sequence: 9)], Sample.clock)
            try database.apply([LocationChange(aor: Sample.aor("alice"), bindings: [])], Sample.clock)
        }
        #expect(try folder.open().bindings(Sample.clock) == [Sample.change("bob", 2, sequence: 9)])
    }

    @Test func `the end of a binding is the same by the wall clock after a reboot`() throws {
        let database = try Folder().fresh()
        try database.apply([Sample.change("bob", 1)], Sample.clock)
        // 100 seconds later, 3 seconds after boot.
        let now = MonotonicTime(nanoseconds: 3_000_000_000)
        let later = WallClock(unixNanoseconds: 1_795_500_100_500_000_000, at: now)
        let binding = try #require(try database.bindings(later).first?.bindings.first)
        #expect(binding.expires - now == .milliseconds(500_500))
    }

    @Test func `a binding is not cut short by being stored, and extremes are stored too`() throws {
        let database = try Folder().fresh()
        for nanoseconds in [0, 1, 999_999_999, 1_000_000_000, Int64.max, Int64.min] {
            var change = try Sample.change("bob", 1)
            change.bindings[0].expires = MonotonicTime(nanoseconds: nanoseconds)
            for clock in [Sample.clock, WallClock(unixNanoseconds: 0, at: MonotonicTime(nanoseconds: 0))] {
                try database.apply([change], clock)
                let read = try #require(try database.bindings(clock).first?.bindings.first)
                if (0...1_000_000_000).contains(nanoseconds) {
                    #expect(read.expires >= change.bindings[0].expires)
                    #expect(read.expires - change.bindings[0].expires < .seconds(1))
                }
            }
        }
    }

    @Test func `ended bindings are removed`() throws {
        let database = try Folder().fresh()
        try database.apply([Sample.change("alice", 1), Sample.change("bob", 3)], Sample.clock)
        let removed = try database.removeEnded(at: Sample.now + .milliseconds(601_500), Sample.clock)
        #expect(removed == 3)
        let left = try database.bindings(Sample.clock)
        #expect(left.map(\.aor) == [Sample.aor("bob")])
        #expect(left.first?.bindings.count == 1)
        #expect(try database.removeEnded(at: Sample.now, Sample.clock) == 0)
    }

    @Test func `what another process changed is noticed, what this one changed is not`() throws {
        let folder = try Folder()
        let database = try folder.fresh()
        #expect(try database.changedElsewhere())
        #expect(try !database.changedElsewhere())
        try database.add(Sample.user("alice"), realm: Sample.realm)
        #expect(try !database.changedElsewhere())
        let other = try folder.open()
        try other.add(Sample.user("bob"), realm: Sample.realm)
        #expect(try database.changedElsewhere())
        #expect(try database.users(realm: Sample.realm).count == 2)
        #expect(try !database.changedElsewhere())
    }

    @Test func `every file is its owner's alone, whatever the umask, and one that is not becomes so`() throws {
        let folder = try Folder()
        let database = try folder.fresh()
        try database.add(Sample.user("alice"), realm: Sample.realm)
        try database.backUp()
        #expect(folder.names == ["registrar.db", "registrar.db-shm", "registrar.db-wal", "registrar.db.backup"])
        for name in folder.names { #expect(folder.mode(name) == 0o600, "\(name)") }
        chmod(folder.database, 0o644)
        _ = try folder.open()
        #expect(folder.mode("registrar.db") == 0o600)
    }

    @Test func `a database that root makes belongs to the owner of its folder`() throws {
        let folder = try Folder()
        try #require(chown(folder.path, 65_534, 65_534) == 0)
        let database = try folder.fresh()
        try database.add(Sample.user("alice"), realm: Sample.realm)
        try database.backUp()
        for name in folder.names {
            var status = stat()
            try #require(stat("\(folder.path)/\(name)", &status) == 0)
            #expect(status.st_uid == 65_534, "\(name)")
        }
    }

    @Test func `no database is made in silence, and none over another`() throws {
        let folder = try Folder()
        #expect(folder.fault() == .missing)
        #expect(folder.fault(recovers: true) == .missing)
        #expect(folder.names.isEmpty)
        _ = try folder.fresh()
        #expect(code { try RegistrationDatabase.create(folder.database) } == .exists)
        #expect(code { try RegistrationDatabase.create("\(folder.path)/none/registrar.db") } == .missing)
    }

    @Test func `a draft that was left behind is in nobody's way`() throws {
        let folder = try Folder()
        try folder.write(Array("rubbish".utf8), to: "registrar.db.new")
        let database = try folder.fresh()
        try folder.write(Array("rubbish".utf8), to: "registrar.db.backup.new")
        try database.backUp()
        #expect(!folder.names.contains { $0.hasSuffix(".new") })
    }

    @Test func `a database of another program or of a later version is refused and left alone`() throws {
        let folder = try Folder()
        for sql in ["CREATE TABLE t (x)", "CREATE TABLE t (x); PRAGMA user_version=1", "PRAGMA application_id=1"] {
            _ = try Command.run(["sqlite3", folder.database, sql])
            let before = folder.octets("registrar.db")
            #expect([.foreign, .damaged].contains(folder.fault(recovers: true)))
            #expect(folder.octets("registrar.db") == before)
            unlink(folder.database)
        }
        try RegistrationDatabase.create(folder.database)
        _ = try Command.run(["sqlite3", folder.database, "PRAGMA user_version=2"])
        #expect(folder.fault(recovers: true) == .foreign)
        try folder.write(Array("root:x:0:0:root:/root:/bin/bash\n".utf8), to: "registrar.db")
        #expect(folder.fault(recovers: true) == .damaged)
        #expect(folder.octets("registrar.db").starts(with: Array("root".utf8)))
        unlink(folder.database)
        try #require(mkdir(folder.database, 0o700) == 0)
        #expect(folder.fault(recovers: true) == .foreign)
        rmdir(folder.database)
    }
}
