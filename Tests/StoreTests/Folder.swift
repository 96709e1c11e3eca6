import Glibc
import Registration
import SIPTransactions
import Store
import Testing
import Wire

/// A folder with a database in it, removed with everything when the test is over.
final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/sekisho-test-\(getpid())-store-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    var database: String { "\(path)/registrar.db" }

    /// The files in it, by name.
    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    func mode(_ name: String) -> UInt32? {
        var status = stat()
        return stat("\(path)/\(name)", &status) == 0 ? status.st_mode & 0o777 : nil
    }

    func octets(_ name: String) -> [UInt8] {
        guard let file = fopen("\(path)/\(name)", "r") else { return [] }
        defer { fclose(file) }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return octets }
            octets += chunk[..<count]
        }
    }

    func write(_ octets: [UInt8], to name: String) throws {
        let file = try #require(fopen("\(path)/\(name)", "w"))
        defer { fclose(file) }
        try #require(fwrite(octets, 1, octets.count, file) == octets.count)
    }

    /// A new database, opened.
    func fresh() throws -> RegistrationDatabase {
        try RegistrationDatabase.create(database)
        return try RegistrationDatabase.open(database)
    }

    /// What opening comes to: nothing, or the error's code.
    func fault(recovers: Bool = false) -> StoreError.Code? { code { _ = try open(recovers: recovers) } }

    func open(recovers: Bool = false) throws -> RegistrationDatabase {
        try RegistrationDatabase.open(database, recovers: recovers)
    }
}

/// The code of the error that the body throws; nil when it throws none.
func code(_ body: () throws -> Void) -> StoreError.Code? {
    do {
        try body()
        return nil
    } catch { return (error as? StoreError)?.code }
}

/// Sample rows.
enum Sample {
    static let realm = Array("example.net".utf8)
    static let now = MonotonicTime(nanoseconds: 50_000_000_000)
    /// 2026-11-24, at `now`.
    static let clock = WallClock(unixNanoseconds: 1_795_500_000_500_000_000, at: now)

    static func user(_ name: String, _ octet: UInt8 = 1) -> RegisteredUser {
        RegisteredUser(
            name: Array(name.utf8), ha1SHA256: .init(repeating: octet, count: 32),
            ha1MD5: octet.isMultiple(of: 2) ? .init(repeating: octet, count: 16) : nil)
    }

    static func aor(_ user: String) -> AddressOfRecord { AddressOfRecord(user: Array(user.utf8), domain: realm) }

    /// Bindings of every shape; the time of each is one that the disk can hold exactly.
    static func change(_ user: String, _ count: Int = 3, sequence: UInt32 = 1) throws -> LocationChange {
        let endpoints = try ["192.0.2.1:5060", "[2001:db8::1]:5061"].map { try #require(Endpoint($0)) }
        let bindings = (0..<count).map { index in
            var binding = Binding(
                contact: Array("sip:\(user)@192.0.2.\(index)".utf8), q: UInt16(1_000 - index),
                expires: now + .milliseconds(500) + .seconds(600 + index), callID: Array("call \(index)".utf8),
                sequence: sequence,
                flow: Flow(
                    transport: index == 0 ? .udp : .tls, local: endpoints[index % 2], remote: endpoints[(index + 1) % 2]
                ))
            if index == 1 {
                binding.path = ["<sip:p2.example.net;lr>", "<sip:p1.example.net;lr;ob>"].map { Array($0.utf8) }
                binding.instance = Array("<urn:uuid:1>".utf8)
                binding.flowNumber = 7
            }
            return binding
        }
        return LocationChange(aor: aor(user), bindings: bindings)
    }
}
