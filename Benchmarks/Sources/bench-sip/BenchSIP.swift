import CLibre
import SIPText
import Sampling

/// `sip.parse`: from octets in an array to a checked message, beside libre's `sip_msg_decode`.
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
    }
}
