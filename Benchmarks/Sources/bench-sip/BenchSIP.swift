import CLibre
import SIPText
import Sampling

/// `sip.parse`: from octets in an array to a checked message, beside libre's `sip_msg_decode`.
/// `sip.core`: a whole call through reader, session controller and writer, without a socket, beside libre's decoding of
/// what comes in of it.
@main struct BenchSIP {
    struct Failure: Error {
        let what: String
    }

    static func main() throws {
        let octets = invite()
        guard case .message(let message) = MessageParser.parse(octets) else { throw Failure(what: "not parsed") }
        let theirs = octets.withUnsafeBufferPointer { CLibre_message_new($0.baseAddress, $0.count) }
        defer { CLibre_message_free(theirs) }
        guard Int(CLibre_decode(theirs, 1)) == message.fields.count else { throw Failure(what: "fields differ") }

        let batch = 1000
        try Row("sip.parse", unit: "ns", .cost, peer: "libre sip_msg_decode").compare {
            try 1e9
                * secondsPerCall(batch: batch) { count in
                    for _ in 0..<count {
                        guard case .message(let parsed) = MessageParser.parse(octets), parsed.fields.count == 15 else {
                            throw Failure(what: "not parsed")
                        }
                    }
                }
        } peer: {
            1e9 * secondsPerCall(batch: batch) { CLibre_decode(theirs, Int32($0)) }
        }
        try compareCalls()
    }

    private static func compareCalls() throws {
        let row = Row("sip.core", unit: "µs", .cost, peer: "libre sip_msg_decode")
        guard row.isWanted else { return }
        let calls = 5_000
        let recorded = try RecordedCalls(count: calls)
        let theirs = recorded.messages.map { octets in
            octets.withUnsafeBufferPointer { CLibre_message_new($0.baseAddress, $0.count) }
        }
        defer { for message in theirs { CLibre_message_free(message) } }
        try row.compare {
            try 1e6
                * secondsPerCall(batch: calls) { _ in
                    guard try recorded.play() == 7 * calls else { throw Failure(what: "not seven messages a call") }
                }
        } peer: {
            1e6 * secondsPerCall(batch: calls) { _ in for message in theirs { CLibre_decode(message, 1) } }
        }
    }
}
