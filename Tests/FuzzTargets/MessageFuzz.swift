import Corpus
import SIPText
import Wire

/// A SIP message as a datagram: all slices lie in the buffer; what is written is read as the same and written again
/// as the same; what is answered is one message.
enum MessageFuzz {
    @Sendable static func fault(_ octets: [UInt8]) -> String? {
        switch MessageParser.parse(octets) {
        case .message(let message):
            return first(
                { bounds(message) }, { reading(message) }, { roundTrip(message) },
                { strictness(octets, message) }, { edits(message) })
        case .malformed(let error, let answerable):
            guard error.offset >= 0, error.offset <= octets.count else { return "\(error) is beyond the end" }
            if case .message = MessageParser.parse(octets, requiresLength: true) { return "strict reads more" }
            guard let answerable else { return nil }
            let answer = Message(status: 400, reason: "Bad Request", to: answerable, tag: [UInt8(ascii: "t")])
            // What an answer adds may be more than a head may have, but it never becomes two messages.
            return first({ reading(answerable) }, { oneFrame(answer.serialized(), orTooLong: true) })
        }
    }

    static func bounds(_ message: Message) -> String? {
        let whole = message.bytes.indices
        var slices = [message.body, message.cseq.methodText]
        for field in message.fields { slices += [field.text, field.value] }
        switch message.startLine {
        case .request(_, let text, let uri): slices += [text, uri]
        case .response(_, let reason): slices.append(reason)
        }
        for name in HeaderName.allCases { slices += message.values(of: name) }
        return outside(slices, within: whole, "message")
    }

    /// Everything that reads a value stays inside it.
    static func reading(_ message: Message) -> String? {
        let bytes = message.bytes.span
        for name in HeaderName.allCases {
            _ = message.number(of: name, upTo: 1_000)
            for value in message.values(of: name) {
                if let address = NameAddress(in: bytes, value) {
                    let slices = [address.uri, address.parameters.slice, address.tag(in: bytes) ?? .empty]
                    if let fault = outside(slices, within: value.range, "address") { return fault }
                    if let uri = try? URI(in: bytes, address.uri) {
                        let slices = [uri.user, uri.host, uri.parameters.slice, uri.headers]
                        if let fault = outside(slices, within: address.uri.range, "URI") { return fault }
                    }
                }
                if let via = try? Via(in: bytes, value) {
                    let slices = [via.host, via.parameters.slice, via.branch(in: bytes)]
                    if let fault = outside(slices, within: value.range, "Via") { return fault }
                }
            }
        }
        _ = DisclosureRequest.all(in: message)
        guard let entity = Entity(bodyOf: message) else { return nil }
        return EntityFuzz.leaves(of: entity, in: message.bytes)
    }

    static func roundTrip(_ message: Message) -> String? {
        let written = message.serialized()
        guard case .message(let again) = MessageParser.parse(written, requiresLength: true) else {
            return "what is written is not read"
        }
        guard again.serialized() == written else { return "what is read again is written otherwise" }
        guard content(again) == content(message) else { return "what is read again is another message" }
        return oneFrame(written)
    }

    /// Start line, rows but Content-Length, and body, each with its length before it.
    private static func content(_ message: Message) -> [[UInt8]] {
        var content: [[UInt8]] = []
        switch message.startLine {
        case .request(_, let text, let uri): content += [message.copy(text), message.copy(uri)]
        case .response(let status, let reason): content += [Array("\(status)".utf8), message.copy(reason)]
        }
        for field in message.fields where field.name != .contentLength {
            content += [message.copy(field.text), message.copy(field.value)]
        }
        return content + [message.copy(message.body)]
    }

    static func oneFrame(_ octets: [UInt8], orTooLong: Bool = false) -> String? {
        let framing = Framing.stream(octets, in: [octets.count])
        if orTooLong, framing.frames.isEmpty, framing.error?.code == .tooLong { return nil }
        return framing == Framing(frames: [.message(octets)]) ? nil : "what is written is not one frame"
    }

    /// A stream's parser reads the same or refuses for want of a length.
    private static func strictness(_ octets: [UInt8], _ message: Message) -> String? {
        switch MessageParser.parse(octets, requiresLength: true) {
        case .message(let strict): strict == message ? nil : "strict reads another message"
        case .malformed(let error, _):
            error.code == .missing && message.value(of: .contentLength) == nil ? nil : "strict refuses: \(error)"
        }
    }

    /// What a proxy does to a message leaves one that is read.
    private static func edits(_ message: Message) -> String? {
        var edited = message
        edited.stampVia(source: Endpoint(.v4(0x0A00_0001), 5_062))
        edited.prepend(.via, Array("SIP/2.0/UDP gw.example.net;branch=z9hG4bKx".utf8))
        edited.append(.recordRoute, Array("<sip:gw.example.net;lr>".utf8))
        edited.set(.maxForwards, Array("69".utf8))
        guard case .message(let again) = MessageParser.parse(edited.serialized(), requiresLength: true) else {
            // One Via more than may be there is refused, and rightly.
            return message.values(of: .via).count < MessageLimits.viaValues
                && message.fields.count + 3 <= MessageLimits.headerFields
                && edited.serialized().count - edited.body.count <= MessageLimits.headOctets
                ? "an edited message is not read" : nil
        }
        guard again.values(of: .via).count == message.values(of: .via).count + 1 else { return "a Via is lost" }
        return again.copy(again.body) == message.copy(message.body) ? nil : "an edit changed the body"
    }
}
