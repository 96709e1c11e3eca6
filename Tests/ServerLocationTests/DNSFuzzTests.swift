import Corpus
import ServerLocation
import Testing
import Wire

/// Octets that nobody meant as answers: they must be read in bounds, or refused with a place inside the message.
@Suite struct DNSFuzzTests {
    private func feed(_ octets: [UInt8], _ question: Question) {
        let span = octets.span
        do throws(ParseError) {
            switch try DNSMessage.parse(span, answering: question) {
            case .records(.addresses(let records), _): #expect(records.count <= LookupLimits.records)
            case .records(.services(let records), _): #expect(records.count <= LookupLimits.records)
            case .records(.pointers(let records), _): #expect(records.count <= LookupLimits.records)
            case .noData, .noSuchName, .failed: break
            }
        } catch {
            #expect(error.offset >= 0 && error.offset <= octets.count)
        }
    }

    private func good() throws -> [(octets: [UInt8], question: Question)] {
        var srv = MessageBuilder(answers: 3, authorities: 1)
        srv.question("s.example", 33)
        srv.record(5) { $0.add(name: "t.example") }
        srv.srv(1, 2, 3, "a.example")
        srv.record({ $0.add(name: "t.example") }, 33) {
            for number: UInt16 in [1, 2, 3] { $0.add(number) }
            $0.add(string: "h")
            $0.add(pointer: 14)
        }
        srv.soa(ttl: 60, minimum: 60)
        var naptr = MessageBuilder(answers: 1)
        naptr.question("s.example", 35)
        naptr.record(35) {
            $0.add(1)
            $0.add(2)
            for text in ["s", "SIP+D2U", ""] { $0.add(string: text) }
            $0.add(name: "_sip._udp.s.example")
        }
        var a = MessageBuilder(answers: 1)
        a.question("s.example", 1)
        a.record(1) { $0.octets += [192, 0, 2, 1] }
        return [
            (srv.octets, try Zone.question("s.example", .srv)), (naptr.octets, try Zone.question("s.example", .naptr)),
            (a.octets, try Zone.question("s.example", .a)),
        ]
    }

    @Test func `Good answers cut after every octet`() throws {
        for (octets, question) in try good() {
            for count in 0..<octets.count {
                let cut = Array(octets.prefix(count))
                let span = cut.span
                do throws(ParseError) {
                    _ = try DNSMessage.parse(span, answering: question)
                    Issue.record("\(count) of \(octets.count) octets were enough for \(question)")
                } catch {
                    #expect(error.offset <= count)
                }
            }
        }
    }

    @Test func `100,000 mutations of good answers`() throws {
        var random = SplitMix(state: 3)
        let good = try good()
        for _ in 0..<100_000 {
            var (octets, question) = good[Int(random.next() % UInt64(good.count))]
            for _ in 0..<(1 + random.next() % 4) {
                let place = Int(random.next() % UInt64(octets.count))
                switch random.next() % 4 {
                case 0: octets[place] ^= 1 << UInt8(random.next() % 8)
                case 1: octets[place] = UInt8(truncatingIfNeeded: random.next())
                case 2: octets[place] = [0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF][Int(random.next() % 8)]
                default: octets.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                }
            }
            feed(octets, question)
        }
    }

    @Test func `300 answers of up to 64 KiB of pointers, labels and noise behind a good question`() throws {
        var random = SplitMix(state: 4)
        let question = try Zone.question("s.example", .srv)
        for _ in 0..<300 {
            var message = MessageBuilder(
                answers: UInt16(random.next() % 65), authorities: UInt16(random.next() % 2))
            message.question("s.example", 33)
            let length = Int(random.next() % 65_536)
            let kind = random.next() % 3
            while message.octets.count < length {
                switch kind {
                case 0: message.add(pointer: Int(random.next() % UInt64(min(message.octets.count, 0x4000))))
                case 1: message.octets += [1, 0x61]
                default: message.octets.append(UInt8(truncatingIfNeeded: random.next()))
                }
            }
            feed(message.octets, question)
        }
    }
}
