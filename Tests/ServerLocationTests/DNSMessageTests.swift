import ServerLocation
import Testing
import Wire

/// RFC 1035 section 4, read.
@Suite struct DNSMessageTests {
    private func parse(_ message: MessageBuilder, _ name: String, _ type: RecordType) throws -> Answer {
        let octets = message.octets
        let span = octets.span
        return try DNSMessage.parse(span, answering: try Zone.question(name, type))
    }

    private func code(_ message: MessageBuilder, _ type: RecordType = .srv) throws -> ParseError.Code? {
        do {
            _ = try parse(message, "s.example", type)
            return nil
        } catch let error as ParseError {
            #expect(error.offset <= message.octets.count)
            return error.code
        }
    }

    private func message(answers: UInt16 = 1, flags: UInt16 = 0x8180, _ type: UInt16 = 33) -> MessageBuilder {
        var message = MessageBuilder(flags: flags, answers: answers)
        message.question("s.example", type)
        return message
    }

    // MARK: Records

    @Test func `SRV records, compressed and not, with the shortest lifetime`() throws {
        var message = message(answers: 3)
        message.srv(10, 60, 5060, "A.Example")
        message.srv(20, 0, 0, ".", ttl: 120)
        message.record(33) {
            for number: UInt16 in [1, 2, 3] { $0.add(number) }
            $0.add(string: "b")
            $0.add(pointer: 14)
        }
        let records = [
            try ServiceRecord(10, 60, 5060, "a.example"), try ServiceRecord(20, 0, 0, "."),
            try ServiceRecord(1, 2, 3, "b.example"),
        ]
        #expect(
            try parse(message, "s.example", .srv) == .records(.services(records), lifetime: .seconds(120)))
    }

    @Test func `NAPTR records`() throws {
        var message = message(35)
        message.record(35) {
            $0.add(50)
            $0.add(60)
            for text in ["s", "SIPS+D2T", ""] { $0.add(string: text) }
            $0.add(name: "_sips._tcp.example.com")
        }
        let record = try AuthorityPointer(50, 60, "SIPS+D2T", "_sips._tcp.example.com")
        #expect(try parse(message, "s.example", .naptr) == .records(.pointers([record]), lifetime: .seconds(300)))
    }

    @Test func `Addresses of both families`() throws {
        var four = message(1)
        four.record(1) { $0.octets += [192, 0, 2, 1] }
        #expect(
            try parse(four, "s.example", .a) == .records(.addresses([.v4(0xC000_0201)]), lifetime: .seconds(300)))
        var six = message(28)
        six.record(28) { $0.octets += [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] }
        #expect(
            try parse(six, "s.example", .aaaa)
                == .records(.addresses([.v6(0x2001_0DB8_0000_0000, 1)]), lifetime: .seconds(300)))
    }

    @Test func `Aliases are followed inside the answer, whatever the order`() throws {
        var message = message(answers: 3)
        message.record({ $0.add(name: "c.example") }, 33, ttl: 300) {
            for number: UInt16 in [1, 2, 3] { $0.add(number) }
            $0.add(name: "h.example")
        }
        message.record({ $0.add(name: "b.example") }, 5, ttl: 40) { $0.add(name: "c.example") }
        message.record(5, ttl: 50) { $0.add(name: "B.example") }
        let record = try ServiceRecord(1, 2, 3, "h.example")
        #expect(try parse(message, "s.example", .srv) == .records(.services([record]), lifetime: .seconds(40)))
    }

    @Test func `Records of another owner, type or unreadable name are left out`() throws {
        var message = message(answers: 5)
        message.record({ $0.add(name: "other.example") }, 33) {
            for number: UInt16 in [1, 2, 3] { $0.add(number) }
            $0.add(name: "evil.example")
        }
        message.record(16) { $0.add(string: "text") }
        message.srv(1, 2, 3, "ok.example")
        message.srv(1, 2, 4, "not ok.example")
        message.record({ $0.add(name: "s.ex\u{0}mple") }, 33) {
            for number: UInt16 in [1, 2, 5] { $0.add(number) }
            $0.add(name: "evil.example")
        }
        let record = try ServiceRecord(1, 2, 3, "ok.example")
        #expect(try parse(message, "s.example", .srv) == .records(.services([record]), lifetime: .seconds(300)))
    }

    @Test func `A label with a dot inside does not pass for two`() throws {
        var message = message()
        message.record(
            {
                $0.add(string: "s.example"); $0.octets.append(0)
            }, 33
        ) {
            for number: UInt16 in [1, 2, 3] { $0.add(number) }
            $0.add(name: "evil.example")
        }
        #expect(try parse(message, "s.example", .srv) == .noData(lifetime: nil))
    }

    // MARK: No records

    @Test func `No data and no such name, with the lifetime of the SOA`() throws {
        for (flags, minimum, ttl, seconds) in [(0x8180, 60, 300, 60), (0x8183, 300, 30, 30)]
            as [(UInt16, UInt32, UInt32, Int64)]
        {
            var message = MessageBuilder(flags: flags, authorities: 1)
            message.question("s.example", 33)
            message.soa(ttl: ttl, minimum: minimum)
            let wanted: Answer =
                flags == 0x8180 ? .noData(lifetime: .seconds(seconds)) : .noSuchName(lifetime: .seconds(seconds))
            #expect(try parse(message, "s.example", .srv) == wanted)
        }
        #expect(try parse(message(answers: 0), "s.example", .srv) == .noData(lifetime: nil))
    }

    @Test(arguments: [1, 2, 4, 5, 9, 15] as [UInt16])
    func `Any other response code is a failure`(code: UInt16) throws {
        #expect(try parse(message(answers: 0, flags: 0x8180 | code), "s.example", .srv) == .failed(.noAnswer))
    }

    @Test func `A lifetime with its first bit set counts as 0`() throws {
        var message = message()
        message.srv(1, 2, 3, "a.example", ttl: 0x8000_0000)
        let record = try ServiceRecord(1, 2, 3, "a.example")
        #expect(try parse(message, "s.example", .srv) == .records(.services([record]), lifetime: .zero))
    }

    // MARK: Lies and damage

    @Test func `What is no whole answer to the question is refused`() throws {
        #expect(try code(message(answers: 0, flags: 0x0180)) == .inconsistent, "a query")
        #expect(try code(message(answers: 0, flags: 0x9180)) == .inconsistent, "another operation")
        #expect(try code(message(answers: 0, flags: 0x8380)) == .truncated, "cut")
        for count: UInt16 in [0, 2, 65_535] {
            var message = MessageBuilder(questions: count)
            message.question("s.example", 33)
            #expect(try code(message) == .inconsistent, "\(count) questions")
        }
        for (name, type, kind) in [("t.example", 33, 1), ("s.example", 1, 1), ("s.example", 33, 3)]
            as [(String, UInt16, UInt16)]
        {
            var message = MessageBuilder()
            message.question(name, type, class: kind)
            #expect(try code(message) == .inconsistent, "another question")
        }
    }

    @Test func `Counts that lie are refused`() throws {
        for count: UInt16 in [2, 64] {
            var message = message(answers: count)
            message.srv(1, 2, 3, "a.example")
            #expect(try code(message) == .truncated, "\(count)")
        }
    }

    @Test(
        arguments: [
            (12, nil), (0, .inconsistent), (6, .inconsistent), (11, .inconsistent), (13, .truncated),
            (65_535, .truncated),
        ] as [(UInt16, ParseError.Code?)])
    func `A length of data that does not fit is refused`(length: UInt16, wanted: ParseError.Code?) throws {
        var message = message(answers: 1)
        message.record(33, length: length) {
            for number: UInt16 in [1, 2, 3] { $0.add(number) }
            $0.add(string: "abc")
            $0.add(pointer: 14)
        }
        #expect(try code(message) == wanted)
    }

    @Test(arguments: [(64, nil), (65, .tooMany), (65_535, .tooMany)] as [(UInt16, ParseError.Code?)])
    func `At most 64 records are read`(count: UInt16, wanted: ParseError.Code?) throws {
        var message = message(answers: count)
        for _ in 0..<min(count, 100) { message.srv(1, 2, 3, "a.example") }
        #expect(try code(message) == wanted)
    }

    @Test func `Addresses of a wrong length are refused`() throws {
        for count in [0, 3, 5, 16] {
            var message = message(1)
            message.record(1) { $0.octets += [UInt8](repeating: 1, count: count) }
            #expect(try code(message, .a) == .badAddress)
        }
        var message = message(28)
        message.record(28) { $0.octets += [1, 2, 3, 4] }
        #expect(try code(message, .aaaa) == .badAddress)
    }

    // MARK: Names

    /// The code for an answer whose owner is written by the closure; it begins at octet 27.
    private func owner(_ write: (inout MessageBuilder) -> Void) throws -> ParseError.Code? {
        var message = message()
        message.record(write, 33) {
            for number: UInt16 in [1, 2, 3] { $0.add(number) }
            $0.add(name: "a.example")
        }
        return try code(message)
    }

    @Test func `Pointers that loop, lead on or out are refused`() throws {
        #expect(try owner { $0.add(pointer: $0.octets.count) } == .inconsistent, "to itself")
        #expect(
            try owner {
                let start = $0.octets.count
                $0.add(string: "x")
                $0.add(pointer: start)
            } == .inconsistent, "to its own beginning")
        #expect(try owner { $0.add(pointer: $0.octets.count + 2) } == .inconsistent, "forward")
        #expect(try owner { $0.add(pointer: 0x3FFF) } == .inconsistent, "out of the message")
        #expect(try owner { $0.add(pointer: 0) } == .inconsistent, "into the header")
        #expect(try owner { $0.add(pointer: 11) } == .inconsistent, "into the header")
        #expect(try owner { $0.octets += [0x40, 0] } == .unsupported, "extended label")
        #expect(try owner { $0.octets += [0x80, 0] } == .unsupported, "reserved label")
    }

    @Test(arguments: [(16, nil), (17, .tooMany)] as [(Int, ParseError.Code?)])
    func `At most sixteen pointers are followed in a name`(count: Int, wanted: ParseError.Code?) throws {
        var message = message(answers: 2)
        var chain = 0
        message.record(16) {
            // Each points to the one before it; the first to the question's name.
            var target = 12
            for _ in 1..<count {
                chain = $0.octets.count
                $0.add(pointer: target)
                target = chain
            }
        }
        message.record({ $0.add(pointer: chain) }, 33) {
            for number: UInt16 in [1, 2, 3] { $0.add(number) }
            $0.add(name: "a.example")
        }
        #expect(try code(message) == wanted)
    }

    @Test func `A name of 255 octets is read, of 256 refused`() throws {
        let longest = String(repeating: "a.", count: 126) + "a"
        #expect(try owner { $0.add(name: longest) } == nil)
        #expect(try owner { $0.add(name: longest + "a") } == .tooLong)
        #expect(try owner { $0.add(name: longest + ".a") } == .tooLong)
    }

    @Test func `An alias that leads in a circle, or too far, leads nowhere`() throws {
        var circle = message(answers: 2)
        circle.record(5) { $0.add(name: "b.example") }
        circle.record({ $0.add(name: "b.example") }, 5) { $0.add(pointer: 12) }
        #expect(try parse(circle, "s.example", .srv) == .noData(lifetime: nil))
        for (count, isFound) in [(8, true), (9, false)] {
            var message = message(answers: UInt16(count) + 1)
            message.record(5) { $0.add(name: "a1.example") }
            for index in 1..<count {
                message.record({ $0.add(name: "a\(index).example") }, 5) { $0.add(name: "a\(index + 1).example") }
            }
            message.record({ $0.add(name: "a\(count).example") }, 33) {
                for number: UInt16 in [1, 2, 3] { $0.add(number) }
                $0.add(name: "h.example")
            }
            let answer = try parse(message, "s.example", .srv)
            #expect((answer == .noData(lifetime: nil)) != isFound)
        }
    }

    // MARK: Size

    @Test func `The longest message is read, one octet more is refused`() throws {
        var message = message(answers: 2)
        message.srv(1, 2, 3, "a.example")
        let room = 65_535 - message.octets.count - 12
        message.record(16) { $0.octets += [UInt8](repeating: 0x61, count: room) }
        #expect(message.octets.count == 65_535)
        #expect(try code(message) == nil)
        message.octets.append(0)
        #expect(throws: ParseError(.tooLong, in: "DNS message", at: 65_535)) {
            try parse(message, "s.example", .srv)
        }
    }
}
