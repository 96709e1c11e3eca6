public import Wire

/// Reads a SIP message (RFC 3261 sections 7 and 25) from octets into slices.
///
/// One pass finds start line, rows and body; then the fields that every element must understand are checked. The
/// grammar is read strictly where a second reader could read otherwise: CRLF ends a line and nothing else does, a bare
/// CR, LF or NUL is refused, a field that may stand once may not stand twice.
public enum MessageParser {
    /// What the octets are.
    public enum Outcome: Sendable {
        case message(Message)
        /// Not acceptable. When enough of a request could be read to answer it, it is here; its fields are unchecked
        /// except Via, From, To, Call-ID and CSeq.
        case malformed(ParseError, answerable: Message?)
    }

    /// Reads one message that fills the octets: a datagram, or what `StreamFramer` cut off.
    ///
    /// - Parameter requiresLength: over a stream Content-Length must be there (RFC 3261 section 20.14).
    public static func parse(_ bytes: [UInt8], requiresLength: Bool = false) -> Outcome {
        var scan = HeadScan()
        var buffer = bytes
        scan.run(&buffer)
        guard let startLine = scan.startLine else {
            return .malformed(scan.fault ?? ParseError(.missing, in: "start line", at: 0), answerable: nil)
        }
        var fault = scan.fault
        var cseq: CSeq?
        var viaIsGood = false
        if let slice = scan.value(of: .cseq) {
            do throws(ParseError) { cseq = try CSeq(in: buffer.span, slice) } catch { fault = fault ?? error }
        }
        if var rest = scan.value(of: .via), let top = Message.nextValue(in: buffer.span, from: &rest) {
            do throws(ParseError) {
                _ = try Via(in: buffer.span, top)
                viaIsGood = true
            } catch { fault = fault ?? error }
        }
        var message = Message(
            bytes: buffer, startLine: startLine, fields: scan.fields, body: Slice(scan.headEnd..<buffer.count),
            cseq: cseq ?? CSeq(number: 0, method: .other, methodText: .empty))
        if fault == nil {
            do throws(ParseError) {
                try check(message, headEnd: scan.headEnd)
                message.body = try body(of: message, from: scan.headEnd, requiresLength: requiresLength)
                return .message(message)
            } catch { fault = error }
        }
        let error = fault ?? ParseError(.missing, in: "message", at: 0)
        let isAnswerable =
            message.isRequest && message.method != .ack && viaIsGood && cseq != nil && message.value(of: .callID) != nil
            && message.address(of: .from) != nil && message.address(of: .to) != nil
        return .malformed(error, answerable: isAnswerable ? message : nil)
    }

    /// Section 8.1.1: the six fields of every request, five of every response; one value each of those that are singular.
    private static func check(_ message: Message, headEnd: Int) throws(ParseError) {
        var seen: UInt64 = 0
        for field in message.fields where field.name.isSingleton {
            let bit: UInt64 = 1 << UInt64(field.name.rawValue)
            guard seen & bit == 0 else {
                throw ParseError(.duplicate, in: field.name.text, at: Int(field.value.start))
            }
            seen |= bit
        }
        for name in [HeaderName.via, .from, .to, .callID, .cseq] where message.value(of: name)?.isEmpty ?? true {
            throw ParseError(.missing, in: name.text, at: headEnd)
        }
        for name in [HeaderName.from, .to] {
            guard let slice = message.value(of: name) else { continue }
            guard let address = NameAddress(in: message.bytes.span, slice) else {
                throw ParseError(.unexpectedOctet, in: name.text, at: Int(slice.start))
            }
            _ = try URI(in: message.bytes.span, address.uri)
        }
        if let slice = message.value(of: .callID) {
            for position in slice.range where message.bytes[position] <= ASCII.space {
                throw ParseError(.unexpectedOctet, in: "Call-ID", at: position)
            }
        }
        if let slice = message.value(of: .maxForwards) {
            var cursor = Cursor(message.bytes.span.extracting(0..<Int(slice.end)), at: Int(slice.start))
            _ = try cursor.decimal(upTo: MessageLimits.maxForwards, in: "Max-Forwards")
            guard cursor.isAtEnd else { throw ParseError(.unexpectedOctet, in: "Max-Forwards", at: cursor.offset) }
        }
        if case .request(let method, let text, _) = message.startLine {
            let sameMethod = ASCII.equal(message.octets(text), message.octets(message.cseq.methodText))
            guard method == message.cseq.method, sameMethod else {
                throw ParseError(.inconsistent, in: "CSeq method", at: Int(message.cseq.methodText.start))
            }
        }
    }

    /// Section 18.3: the body is as long as Content-Length says; a datagram's is what is left when it says nothing.
    private static func body(of message: Message, from start: Int, requiresLength: Bool) throws(ParseError) -> Slice {
        let available = message.bytes.count - start
        guard let slice = message.value(of: .contentLength) else {
            guard !requiresLength else { throw ParseError(.missing, in: "Content-Length", at: start) }
            guard available <= MessageLimits.bodyOctets else { throw ParseError(.tooLong, in: "body", at: start) }
            return Slice(start..<message.bytes.count)
        }
        let length = try contentLength(in: message.bytes.span, slice)
        guard length <= available else { throw ParseError(.truncated, in: "body", at: message.bytes.count) }
        return Slice(start..<start + length)
    }

    /// Reads a Content-Length value.
    static func contentLength(in bytes: Span<UInt8>, _ slice: Slice) throws(ParseError) -> Int {
        var cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        guard slice.count <= MessageLimits.contentLengthDigits else {
            throw ParseError(.tooLong, in: "Content-Length", at: cursor.offset)
        }
        let length = try cursor.decimal(upTo: UInt64(MessageLimits.bodyOctets), in: "Content-Length")
        guard cursor.isAtEnd else { throw ParseError(.unexpectedOctet, in: "Content-Length", at: cursor.offset) }
        return Int(length)
    }
}
