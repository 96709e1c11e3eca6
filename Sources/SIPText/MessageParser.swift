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
        /// Not acceptable. When enough of a request could be read to answer it, it is here, without its body: the sender
        /// named in the topmost Via can be read, From, To, Call-ID and CSeq are there, and nothing else is certain.
        case malformed(ParseError, answerable: Message?)
    }

    /// Reads one message that fills the octets: a datagram, or what `StreamFramer` cut off.
    ///
    /// - Parameter requiresLength: over a stream Content-Length must be there (RFC 3261 section 20.14).
    public static func parse(_ bytes: [UInt8], requiresLength: Bool = false) -> Outcome {
        let scan = HeadScan(bytes.span)
        guard let startLine = scan.startLine else {
            return .malformed(scan.fault ?? ParseError(.missing, in: "start line", at: 0), answerable: nil)
        }
        var message = Message(
            bytes: bytes, startLine: startLine, fields: scan.fields, body: .empty,
            cseq: CSeq(number: 0, method: .other, methodText: .empty))
        for fold in scan.folds {
            message.bytes[fold] = ASCII.space
            message.bytes[fold + 1] = ASCII.space
        }
        var fault = scan.fault
        let via = Result { () throws(ParseError) in try topVia(of: message) }
        do throws(ParseError) {
            let via = try via.get()
            if let slice = message.value(of: .cseq) { message.cseq = try CSeq(in: message.bytes.span, slice) }
            if fault == nil, let headEnd = scan.headEnd {
                try check(message, via, headEnd: headEnd)
                message.body = try body(of: message, from: headEnd, requiresLength: requiresLength)
                return .message(message)
            }
        } catch { fault = fault ?? error }
        return .malformed(
            fault ?? ParseError(.truncated, in: "header", at: bytes.count),
            answerable: isAnswerable(message, via) ? message : nil)
    }

    /// An answer needs a Via to go by, and carries all of them: with more than a message may have it would be malformed
    /// itself. Which of From, To, Call-ID and CSeq are missing it says by missing them, too.
    private static func isAnswerable(_ message: Message, _ via: Result<Via, ParseError>) -> Bool {
        guard message.isRequest, message.method != .ack, case .success = via else { return false }
        return message.values(of: .via).count <= MessageLimits.viaValues
    }

    /// The topmost Via: who sent this, the one that an answer goes to.
    private static func topVia(of message: Message) throws(ParseError) -> Via {
        guard let slice = message.value(of: .via) else { throw ParseError(.missing, in: "Via", at: 0) }
        guard let top = message.firstValue(of: .via) else {
            throw ParseError(.missing, in: "Via", at: Int(slice.start))
        }
        return try Via(in: message.bytes.span, top)
    }

    /// Section 8.1.1: the six fields of every request, five of every response; one value each of those that are singular.
    private static func check(_ message: Message, _ via: Via, headEnd: Int) throws(ParseError) {
        var seen: UInt64 = 0
        for field in message.fields where field.name.isSingleton {
            let bit: UInt64 = 1 << UInt64(field.name.rawValue)
            guard seen & bit == 0 else {
                throw ParseError(.duplicate, in: field.name.text, at: Int(field.value.start))
            }
            seen |= bit
        }
        try via.parameters.check(in: message.bytes.span, once: "branch", production: "Via parameters")
        try checkViaCount(message)
        try checkAddress(message, .from, headEnd: headEnd)
        try checkAddress(message, .to, headEnd: headEnd)
        let callID = try required(message, .callID, headEnd: headEnd)
        for position in callID.range where message.bytes[position] <= ASCII.space {
            throw ParseError(.unexpectedOctet, in: "Call-ID", at: position)
        }
        _ = try required(message, .cseq, headEnd: headEnd)
        if let slice = message.value(of: .maxForwards) {
            var cursor = Cursor(message.bytes.span.extracting(0..<Int(slice.end)), at: Int(slice.start))
            _ = try cursor.decimal(upTo: MessageLimits.maxForwards, in: "Max-Forwards")
            guard cursor.isAtEnd else { throw ParseError(.unexpectedOctet, in: "Max-Forwards", at: cursor.offset) }
        }
        if case .request(let method, let text, let uri) = message.startLine {
            let requestURI = try URI(in: message.bytes.span, uri)
            // Section 19.1.1: a Request-URI carries no headers; whoever acted on them would act for a stranger.
            guard requestURI.headers.isEmpty else {
                throw ParseError(.unexpectedOctet, in: "Request-URI", at: Int(requestURI.headers.start))
            }
            let sameMethod = ASCII.equal(message.octets(text), message.octets(message.cseq.methodText))
            guard method == message.cseq.method, sameMethod else {
                throw ParseError(.inconsistent, in: "CSeq method", at: Int(message.cseq.methodText.start))
            }
        }
    }

    private static func required(
        _ message: Message, _ name: HeaderName, headEnd: Int
    ) throws(ParseError) -> Slice {
        guard let slice = message.value(of: name), !slice.isEmpty else {
            throw ParseError(.missing, in: name.text, at: headEnd)
        }
        return slice
    }

    private static func checkAddress(_ message: Message, _ name: HeaderName, headEnd: Int) throws(ParseError) {
        let slice = try required(message, name, headEnd: headEnd)
        guard let address = NameAddress(in: message.bytes.span, slice) else {
            throw ParseError(.unexpectedOctet, in: name.text, at: Int(slice.start))
        }
        _ = try URI(in: message.bytes.span, address.uri)
        try address.parameters.check(in: message.bytes.span, once: "tag", production: name.text)
    }

    private static func checkViaCount(_ message: Message) throws(ParseError) {
        // A value is at least one octet and its comma: few octets need no counting.
        var bound = 0
        for field in message.fields where field.name == .via { bound += field.value.count / 2 + 1 }
        guard bound > MessageLimits.viaValues else { return }
        var count = 0
        for field in message.fields where field.name == .via {
            var rest = field.value
            while Message.nextValue(in: message.bytes.span, from: &rest) != nil { count += 1 }
            guard count <= MessageLimits.viaValues else {
                throw ParseError(.tooMany, in: "Via", at: Int(field.value.start))
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
