public import Wire

/// Cuts a byte stream into SIP messages (RFC 3261 section 18.3; keep-alives: RFC 5626 section 3.5.1).
///
/// Whatever way the stream is split, the frames are the same. The first octets of a connection must begin a SIP start
/// line. After an error the stream is over: where the next message begins can no longer be known, and guessing is how
/// a body is made to be read as a message.
public struct StreamFramer: Sendable {
    public enum Frame: Sendable, Equatable {
        /// One message, whole: start line, headers, body.
        case message([UInt8])
        /// CRLF CRLF between messages: the peer wants a CRLF back.
        case ping
    }

    private var buffer: [UInt8] = []
    /// Octets at the front of the buffer that were already given away.
    private var consumed = 0
    /// Where the search for the end of the head goes on.
    private var searched = 0
    /// The end of the head and of the message, once the head is there.
    private var pending: (headEnd: Int, end: Int)?
    private var failure: ParseError?

    public init() {}

    /// Octets held and not yet given away.
    public var buffered: Int { buffer.count - consumed }

    /// Adds what arrived. The caller takes frames out until there is none before it adds more, so no more is held than
    /// one message and one read.
    public mutating func append(_ octets: some Sequence<UInt8>) {
        if consumed > 0 {
            buffer.removeFirst(consumed)
            searched = max(0, searched - consumed)
            if let held = pending { pending = (held.headEnd - consumed, held.end - consumed) }
            consumed = 0
        }
        buffer.append(contentsOf: octets)
    }

    /// The next frame, or nil when more octets are needed.
    ///
    /// - Throws: `ParseError`, offset from the start of the message at fault; again at every later call.
    public mutating func next() throws(ParseError) -> Frame? {
        if let failure { throw failure }
        do throws(ParseError) {
            return try scan()
        } catch {
            failure = error
            throw error
        }
    }

    private mutating func scan() throws(ParseError) -> Frame? {
        if pending == nil {
            switch try skipKeepAlive() {
            case .ping: return .ping
            case .incomplete: return nil
            case .none: break
            }
            guard let headEnd = try findHeadEnd() else { return nil }
            let length = try contentLength(headEnd: headEnd)
            pending = (headEnd, headEnd + length)
        }
        guard let found = pending, buffer.count >= found.end else { return nil }
        let message = Array(buffer[consumed..<found.end])
        consumed = found.end
        searched = found.end
        pending = nil
        return .message(message)
    }

    private enum KeepAlive { case ping, incomplete, none }

    /// Line ends before a start line are ignored (section 7.5); two of them are a ping.
    private mutating func skipKeepAlive() throws(ParseError) -> KeepAlive {
        while consumed < buffer.count, buffer[consumed] == ASCII.cr {
            guard consumed + 1 < buffer.count else { return .incomplete }
            guard buffer[consumed + 1] == ASCII.lf else { throw ParseError(.unexpectedOctet, in: "start line", at: 1) }
            if consumed + 2 < buffer.count, buffer[consumed + 2] == ASCII.cr {
                guard consumed + 3 < buffer.count else { return .incomplete }
                guard buffer[consumed + 3] == ASCII.lf else { throw ParseError(.unexpectedOctet, in: "start line", at: 3) }
                consumed += 4
                searched = consumed
                return .ping
            }
            guard consumed + 2 < buffer.count else { return .incomplete }
            consumed += 2
            searched = consumed
        }
        return consumed < buffer.count ? .none : .incomplete
    }

    /// Looks for the empty line, each octet once; refuses early what cannot become a SIP message.
    private mutating func findHeadEnd() throws(ParseError) -> Int? {
        let limit = consumed + MessageLimits.headOctets
        if searched == consumed || searched - consumed < MessageLimits.methodOctets { try checkStart() }
        var position = max(searched, consumed + 3)
        while position < buffer.count {
            guard position <= limit else { throw ParseError(.tooLong, in: "header", at: MessageLimits.headOctets) }
            if buffer[position] == ASCII.lf, buffer[position - 1] == ASCII.cr, buffer[position - 2] == ASCII.lf,
                buffer[position - 3] == ASCII.cr
            {
                return position + 1
            }
            position += 1
        }
        searched = position
        return nil
    }

    /// The method token, or `SIP`, must begin the message and end in time.
    private func checkStart() throws(ParseError) {
        var position = consumed
        while position < buffer.count, position - consumed <= MessageLimits.methodOctets {
            let octet = buffer[position]
            if octet == ASCII.space || octet == ASCII.slash, position > consumed { return }
            guard Token.contains(octet) else { throw ParseError(.unexpectedOctet, in: "start line", at: position - consumed) }
            position += 1
        }
        guard position - consumed <= MessageLimits.methodOctets else {
            throw ParseError(.tooLong, in: "method", at: position - consumed)
        }
    }

    /// The body's length by the one Content-Length of the head.
    private func contentLength(headEnd: Int) throws(ParseError) -> Int {
        let message = Array(buffer[consumed..<headEnd])
        var scan = HeadScan()
        var head = message
        scan.run(&head)
        // A fault in the head is the parser's to answer; here it decides only whether the length can be trusted.
        if let fault = scan.fault, scan.headEnd != headEnd - consumed { throw fault }
        var length: Int?
        for field in scan.fields where field.name == .contentLength {
            guard length == nil else { throw ParseError(.duplicate, in: "Content-Length", at: Int(field.value.start)) }
            length = try MessageParser.contentLength(in: head.span, field.value)
        }
        guard let length else { throw ParseError(.missing, in: "Content-Length", at: headEnd - consumed) }
        guard scan.startLine != nil else { throw ParseError(.unexpectedOctet, in: "start line", at: 0) }
        return length
    }
}
