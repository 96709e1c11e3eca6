import ServerLocation
import Wire

/// Answers of name servers to a question for SRV or, by the first octet, another type.
enum DNSFuzz {
    private static let name = Array("_sip._udp.example.net".utf8)

    @Sendable static func fault(_ octets: [UInt8]) -> String? {
        guard let first = octets.first, let name = DomainName(name.span) else { return nil }
        let types: [RecordType] = [.srv, .naptr, .a, .aaaa]
        let message = Array(octets.dropFirst())
        let question = Question(name, types[Int(first) % types.count])
        let once: Answer
        do throws(ParseError) {
            once = try DNSMessage.parse(message.span, answering: question)
        } catch {
            return error.offset >= 0 && error.offset <= message.count ? nil : "\(error) is beyond the end"
        }
        guard message.count <= LookupLimits.messageOctets else { return "a message over the limit is read" }
        // What is not read, the octets behind the records, must not matter unless it makes the message too long.
        let padded = message + [0xC0, 0x0C]
        guard padded.count <= LookupLimits.messageOctets else { return nil }
        return (try? DNSMessage.parse(padded.span, answering: question)) == once ? nil : "what follows matters"
    }

    /// The question as it stands on the wire, with records behind it.
    private static func message(_ type: UInt8, code: UInt8 = 0, _ records: [[UInt8]]) -> [UInt8] {
        var octets: [UInt8] = [type, 0, 1, 0x81, 0x80 | code, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0]
        for label in ["_sip", "_udp", "example", "net"] { octets += [UInt8(label.utf8.count)] + Array(label.utf8) }
        return octets + [0, 0, [33, 35, 1, 28][Int(type)], 0, 1] + records.joined()
    }

    private static func record(_ type: UInt8, _ data: [UInt8]) -> [UInt8] {
        [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
    }

    static let seeds: [[UInt8]] = [
        message(0, [record(33, [0, 1, 0, 2, 0x13, 0xC4, 1, 0x61, 0xC0, 22])]),
        message(1, [record(35, [0, 1, 0, 2, 1, 0x73, 7] + Array("SIP+D2U".utf8) + [0, 0xC0, 12])]),
        message(
            2, [record(5, [1, 0x62, 0xC0, 22]), [1, 0x62, 0xC0, 22, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]]),
        message(3, [record(28, [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1])]),
        message(0, code: 3, []), message(0, []),
    ]
}
