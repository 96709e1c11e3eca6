import CLinux
import Configuration
import Crypto
import Gateway
import NIOCore
import NIOPosix
import Registration
import Store
import Wire

/// The registrations on the disk, on a thread of their own: a disk that is slow must not hold up a message.
///
/// `@unchecked Sendable`: the database is touched by the one thread of the pool only.
final class RegistrationStore: @unchecked Sendable {
    /// What a start finds.
    struct Contents: Sendable {
        var users: [RegisteredUser]
        var bindings: [LocationChange]
        /// Set when a damaged file was replaced by its backup.
        var recovery: String?
    }

    private let eventLoop: any EventLoop
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let database: RegistrationDatabase
    private let realm: [UInt8]
    private var ticks: UInt64 = 0

    /// How often another process is looked for that changed the users.
    static let pollInterval = TimeAmount.seconds(1)
    /// How many looks lie between two backups: an hour's.
    static let ticksPerBackup: UInt64 = 3_600

    /// Opens the database and reads all of it.
    ///
    /// - Throws: `ConfigurationError` when there is none, or none that can be trusted.
    init(_ settings: ProxySettings.Registrar, eventLoop: any EventLoop) throws {
        self.eventLoop = eventLoop
        realm = Array(settings.realm.utf8)
        do throws(StoreError) {
            database = try RegistrationDatabase.open(settings.database, recovers: true)
        } catch {
            throw settings.databasePlace.error("\(error)", allowed: "a database that `sekisho user add` made")
        }
        pool.start()
    }

    /// Everything that is there.
    func read() throws -> Contents {
        let clock = Self.clock()
        _ = try database.changedElsewhere()
        let contents = Contents(
            users: try database.users(realm: realm), bindings: try database.bindings(clock),
            recovery: database.recovery.map { "\($0.reason); the damaged file is \($0.damaged)" })
        try database.removeEnded(at: Self.now(), clock)
        try database.backUp()
        return contents
    }

    /// Writes a change, in the order of the calls; the completion runs on the event loop.
    func apply(_ change: LocationChange, completion: @escaping (Bool) -> Void) {
        let done = pool.runIfActive(eventLoop: eventLoop) { try self.database.apply([change], Self.clock()) }
        done.assumeIsolated().whenComplete { result in
            switch result {
            case .success: completion(true)
            case .failure: completion(false)
            }
        }
    }

    /// The users, when another process has changed them; nil when nothing has changed or nothing can be read. Now and then
    /// it removes what has ended, and makes a backup.
    func changedUsers() -> EventLoopFuture<[RegisteredUser]?> {
        pool.runIfActive(eventLoop: eventLoop) {
            self.ticks += 1
            if self.ticks % Self.ticksPerBackup == 0 {
                try self.database.removeEnded(at: Self.now(), Self.clock())
                try self.database.backUp()
            }
            guard try self.database.changedElsewhere() else { return nil }
            try self.database.backUp()
            return try self.database.users(realm: self.realm)
        }
    }

    func stop() { pool.shutdownGracefully { _ in } }

    private static func now() -> MonotonicTime { MonotonicTime(nanoseconds: CLinux_boottime()) }

    private static func clock() -> WallClock { WallClock(unixNanoseconds: CLinux_realtime(), at: now()) }
}
