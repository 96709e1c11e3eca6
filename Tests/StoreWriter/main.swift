// Writes registrations (or, with --journal, a journal) one change after another, and says after each that it is stored, until it is killed: the other half
// of the test that does the killing.
import Glibc
import Registration
import SIPTransactions
import Store
import Wire

/// What round number `round` stores for a user: every binding of it says so.
func change(_ user: String, _ count: Int, round: UInt32) -> LocationChange? {
    guard let remote = Endpoint("192.0.2.1:5060"), let local = Endpoint("192.0.2.254:5060") else { return nil }
    let bindings = (0..<count).map { index in
        Binding(
            contact: Array("sip:\(user)@192.0.2.\(index):5060".utf8),
            expires: MonotonicTime(nanoseconds: 3_600_000_000_000), callID: Array("call-\(index)".utf8),
            sequence: round, flow: Flow(transport: .udp, local: local, remote: remote))
    }
    let aor = AddressOfRecord(user: Array(user.utf8), domain: Array("example.net".utf8))
    return LocationChange(aor: aor, bindings: bindings)
}

/// Writes fifty sessions of a journal in turn, and in each record how often.
func writeJournal(_ path: String) throws -> Never {
    let journal = try SessionJournal.open(path)
    _ = write(1, "ready\n", 6)
    for round in UInt64(1)... {
        let record =
            (0..<8).map { UInt8(truncatingIfNeeded: round >> (56 - 8 * $0)) } + [UInt8](repeating: 1, count: 700)
        for number in 0..<50 as Range<UInt64> {
            try journal.keep(number, record, at: MonotonicTime(nanoseconds: 1_000_000_000))
        }
    }
    exit(0)
}

if CommandLine.arguments[1] == "--journal" { try writeJournal(CommandLine.arguments[2]) }

let clock = WallClock(unixNanoseconds: 0, at: MonotonicTime(nanoseconds: 0))
let database = try RegistrationDatabase.open(CommandLine.arguments[1])
for round in UInt32(1)... {
    try database.apply(
        [change("alice", 5, round: round), change("bob", round.isMultiple(of: 2) ? 7 : 3, round: round)].compactMap(
            \.self),
        clock)
    let line = Array("\(round)\n".utf8)
    _ = write(1, line, line.count)
}
