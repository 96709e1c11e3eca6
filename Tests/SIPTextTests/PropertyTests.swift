import Corpus
import SIPText
import Testing
import Wire

/// What a message says, whatever buffer it lies in.
private struct Content: Equatable {
    var startLine: String
    var rows: [String]
    var body: [UInt8]

    /// Content-Length is left out: the writer moves it to the end and states it anew.
    init(_ message: Message) {
        startLine =
            switch message.startLine {
            case .request(_, let text, let uri): "\(message.text(text)) \(message.text(uri))"
            case .response(let status, let reason): "\(status) \(message.text(reason))"
            }
        rows = Content.rows(message.fields.filter { $0.name != .contentLength }, of: message)
        body = message.copy(message.body)
    }

    static func rows(_ fields: [Message.Field], of message: Message) -> [String] {
        fields.map { "\(message.text($0.text)): \(message.text($0.value))" }
    }
}

@Suite struct PropertyTests {
    /// Calls everything that reads, for the traps that may be in it.
    private static func readEverything(_ message: Message) {
        let bytes = message.bytes.span
        for name in HeaderName.allCases {
            for value in message.values(of: name) {
                if let address = NameAddress(in: bytes, value) {
                    _ = address.tag(in: bytes)
                    if let uri = try? URI(in: bytes, address.uri) { _ = (uri.address(in: bytes), uri.headers) }
                }
                if let via = try? Via(in: bytes, value) {
                    _ = (via.branch(in: bytes), via.received(in: bytes), via.responsePort(in: bytes))
                }
                _ = MediaType(in: bytes, value)
            }
            _ = message.number(of: name, upTo: 1_000)
        }
        _ = DisclosureRequest.all(in: message)
        if let entity = Entity(bodyOf: message), let leaves = try? Multipart.leaves(of: entity, in: bytes) {
            for leaf in leaves { _ = try? leaf.content(in: bytes) }
        }
    }

    /// Nil when the message is written and read again as itself, otherwise what is wrong.
    private static func faultOfRoundTrip(_ message: Message) -> String? {
        let written = message.serialized()
        guard case .message(let again) = MessageParser.parse(written, requiresLength: true) else {
            return "not read again"
        }
        guard Content(again) == Content(message) else { return "read as \(Content(again))" }
        guard again.fields.count(where: { $0.name == .contentLength }) == 1 else {
            return "Content-Length is not there once"
        }
        guard Framing.stream(written, in: [written.count]) == Framing(frames: [.message(written)]) else {
            return "framing"
        }
        return nil
    }

    @Test(arguments: Fixture.all)
    func `what is written is read as the same message`(fixture: Fixture) throws {
        guard let message = parsed(fixture.octets) else { return }
        Self.readEverything(message)
        let fault = Self.faultOfRoundTrip(message)
        #expect(fault == nil)
    }

    @Test(arguments: 0..<UInt64(10))
    func `ten thousand damaged messages neither trap nor come back as others`(seed: UInt64) {
        var mutation = Mutation(random: SeededGenerator(seed: seed))
        var good = 0
        for index in 0..<10_000 {
            let octets = mutation.damage(Fixture.all[index % Fixture.all.count].octets)
            switch MessageParser.parse(octets) {
            case .message(let message):
                good += 1
                Self.readEverything(message)
                if let fault = Self.faultOfRoundTrip(message) {
                    Issue.record("\(fault): \(String(decoding: octets, as: UTF8.self).debugDescription)")
                    return
                }
            case .malformed(_, let answerable):
                guard let answerable else { continue }
                Self.readEverything(answerable)
                let answer = Message(status: 400, reason: "Bad Request", to: answerable, tag: [UInt8(ascii: "t")])
                    .serialized()
                // Whatever was in the request, the answer is one message and not two.
                guard Framing.stream(answer, in: [answer.count]) == Framing(frames: [.message(answer)]) else {
                    Issue.record("answer: \(String(decoding: answer, as: UTF8.self).debugDescription)")
                    return
                }
            }
        }
        #expect(good > 500)
    }

    @Test(arguments: 0..<UInt64(4))
    func `damaged streams give the same frames in one piece and in drops`(seed: UInt64) {
        var mutation = Mutation(random: SeededGenerator(seed: 1_000 + seed))
        for index in 0..<500 {
            let first = mutation.damage(Fixture.all[index % Fixture.all.count].octets)
            let octets = first + Fixture.all[(index + 1) % Fixture.all.count].octets
            let whole = Framing.stream(octets, in: [octets.count])
            let cut = Int.random(in: 1..<octets.count, using: &mutation.random)
            for sizes in [[1], [cut, octets.count], [cut, 1]] where Framing.stream(octets, in: sizes) != whole {
                Issue.record("\(sizes): \(String(decoding: octets, as: UTF8.self).debugDescription)")
                return
            }
        }
    }

    /// Every edit, with the rows that it may touch.
    private static let edits: [(name: String, touched: HeaderName?, edit: @Sendable (inout Message) -> Void)] = [
        ("prepend", .via, { $0.prepend(.via, Array("SIP/2.0/UDP gw;branch=z9hG4bKx".utf8)) }),
        ("append", .supported, { $0.append(.supported, Array("timer".utf8)) }),
        ("append named", nil, { $0.append(named: Array("X-A".utf8), Array("b".utf8)) }),
        ("set", .maxForwards, { $0.set(.maxForwards, Array("69".utf8)) }),
        ("setFirstValue", .contact, { $0.setFirstValue(of: .contact, Array("<sip:gw>".utf8)) }),
        ("removeFirstValue", .via, { $0.removeFirstValue(of: .via) }),
        ("removeFirstValue of a list", .require, { $0.removeFirstValue(of: .require) }),
        ("removeAll", .route, { $0.removeAll(.route) }),
        ("stampVia", .via, { $0.stampVia(source: Endpoint(.v4(0x0A00_0001), 5_062)) }),
        ("setBody", .contentType, { $0.setBody(Array("hello".utf8), contentType: Array("text/plain".utf8)) }),
        ("setRequestURI", nil, { $0.setRequestURI(Array("sip:bob@192.0.2.9".utf8)) }),
    ]

    @Test(arguments: Fixture.all)
    func `an edit leaves every other row as it came`(fixture: Fixture) {
        guard let original = parsed(fixture.octets) else { return }
        for (name, touched, edit) in Self.edits {
            var edited = original
            edit(&edited)
            func others(_ message: Message) -> [Message.Field] {
                message.fields.filter {
                    $0.name != touched && $0.name != .contentLength && message.text($0.text) != "X-A"
                }
            }
            #expect(Content.rows(others(edited), of: edited) == Content.rows(others(original), of: original), "\(name)")
            if touched != .contentType { #expect(edited.copy(edited.body) == original.copy(original.body), "\(name)") }
            // What was in the buffer is still there: an edit adds at its end.
            #expect(edited.bytes.prefix(original.bytes.count) == original.bytes[...], "\(name)")
            if name.hasPrefix("removeFirstValue") || name == "removeAll" { continue }
            let fault = Self.faultOfRoundTrip(edited)
            #expect(fault == nil, "\(name)")
        }
    }
}
