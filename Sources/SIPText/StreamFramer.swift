public import Wire

/// Cuts a byte stream into SIP messages (RFC 3261 section 18.3; keep-alives: RFC 5626 section 3.5.1).
///
/// Whatever way the stream is split, the frames are the same. The first octets of a connection must begin a SIP start
/// line. After an error the stream is over: where the next message begins can no longer be known, and guessing is how
/// a body is made to be read as a message.
public struct StreamFramer: Sendable {
    /// What is cut out of the stream.
    public enum Frame: Sendable, Equatable {
        /// One message, whole: start line, headers, body.
        case message([UInt8])
        /// CRLF CRLF between messages: the peer wants a CRLF back.
        case ping
    }

    @usableFromInline var buffer: [UInt8] = []
    /// Octets at the front of the buffer that were already given away.
    private var consumed = 0
    /// Where the search for the end of the head goes on.
    private var searched = 0
    private var startLineIsRead = false
    /// Whether the last thing given away was one CRLF between messages; with a second one it is a ping.
    private var isAfterLineEnd = false
    /// The end of the message, once its head is there.
    private var messageEnd: Int?
    private var failure: ParseError?

    /// After an error, the head of the message at fault when it is there to its end, otherwise empty.
    /// `MessageParser.parse` tells whether it can be answered before the connection is closed.
    public private(set) var faultyHead: [UInt8] = []

    private let maximumOctets: Int

    /// A framer at the start of a connection.
    ///
    /// - Parameter maximumOctets: of one message, head and body; a longer one is refused when its head has come, wherever
    ///   the stream is split.
    public init(maximumOctets: Int = MessageLimits.messageOctets) { self.maximumOctets = maximumOctets }

    /// Octets held and not yet given away.
    public var buffered: Int { buffer.count - consumed }

    /// Adds what arrived. The caller takes frames out until there is none before it adds more, so no more is held than
    /// one message and one read.
    @inlinable
    public mutating func append(_ octets: some Sequence<UInt8>) {
        dropConsumed()
        buffer.append(contentsOf: octets)
    }

    @usableFromInline
    mutating func dropConsumed() {
        guard consumed > 0 else { return }
        buffer.removeFirst(consumed)
        searched -= consumed
        if let end = messageEnd { messageEnd = end - consumed }
        consumed = 0
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
        if messageEnd == nil {
            if try skipLineEnds() { return .ping }
            guard buffered > 0, buffer[consumed] != ASCII.cr else { return nil }
            guard try checkStartLine(), let headEnd = try findHeadEnd() else { return nil }
            do throws(ParseError) {
                let end = headEnd + (try contentLength(headEnd: headEnd))
                guard end - consumed <= maximumOctets else {
                    throw ParseError(.tooLong, in: "message", at: maximumOctets)
                }
                messageEnd = end
            } catch {
                faultyHead = Array(buffer[consumed..<headEnd])
                throw error
            }
        }
        guard let end = messageEnd, buffer.count >= end else { return nil }
        let message = Array(buffer[consumed..<end])
        consume(to: end)
        messageEnd = nil
        startLineIsRead = false
        return .message(message)
    }

    private mutating func consume(to position: Int) {
        consumed = position
        searched = position
    }

    /// Line ends before a start line are ignored (section 7.5); two of them are a ping.
    ///
    /// - Returns: whether there were two.
    private mutating func skipLineEnds() throws(ParseError) -> Bool {
        while buffered >= 2, buffer[consumed] == ASCII.cr {
            guard buffer[consumed + 1] == ASCII.lf else { throw ParseError(.unexpectedOctet, in: "start line", at: 1) }
            consume(to: consumed + 2)
            isAfterLineEnd.toggle()
            if !isAfterLineEnd { return true }
        }
        if buffered > 0, buffer[consumed] != ASCII.cr { isAfterLineEnd = false }
        return false
    }

    /// Refuses what is no SIP start line as soon as that is certain.
    ///
    /// - Returns: whether the start line is there and enough of a SIP one.
    private mutating func checkStartLine() throws(ParseError) -> Bool {
        if startLineIsRead { return true }
        try checkMethod()
        let limit = min(buffer.count, consumed + MessageLimits.startLineOctets + 2)
        while searched < limit, buffer[searched] != ASCII.lf { searched += 1 }
        guard searched < limit else {
            guard buffered < MessageLimits.startLineOctets + 2 else {
                throw ParseError(.tooLong, in: "start line", at: MessageLimits.startLineOctets + 1)
            }
            return false
        }
        let line = HeadScan(startLineOf: buffer.span.extracting(consumed...searched))
        if line.startLine == nil { throw line.fault ?? ParseError(.unexpectedOctet, in: "start line", at: 0) }
        startLineIsRead = true
        return true
    }

    /// The method token, or `SIP`, must begin the message and end in time.
    private func checkMethod() throws(ParseError) {
        var position = consumed
        while position < buffer.count, Token.contains(buffer[position]) {
            position += 1
            guard position - consumed <= MessageLimits.methodOctets else {
                throw ParseError(.tooLong, in: "method", at: MessageLimits.methodOctets)
            }
        }
        guard position < buffer.count else { return }
        let isVersion =
            buffer[position] == ASCII.slash
            && ASCII.equalIgnoringCase(buffer.span.extracting(consumed..<position), "SIP")
        guard position > consumed, buffer[position] == ASCII.space || isVersion else {
            throw ParseError(.unexpectedOctet, in: "start line", at: position - consumed)
        }
    }

    /// Looks for the empty line, each octet once.
    private mutating func findHeadEnd() throws(ParseError) -> Int? {
        let limit = min(buffer.count, consumed + MessageLimits.headOctets)
        while true {
            searched = ControlScan.next(in: buffer.span, from: searched, to: limit)
            guard searched < limit else { break }
            searched += 1
            // The start line is at least three octets long, so the line ends before this one can be looked at.
            if buffer[searched - 1] == ASCII.lf, buffer[searched - 2] == ASCII.cr, buffer[searched - 3] == ASCII.lf,
                buffer[searched - 4] == ASCII.cr
            {
                return searched
            }
        }
        guard buffered < MessageLimits.headOctets else {
            throw ParseError(.tooLong, in: "header", at: MessageLimits.headOctets)
        }
        return nil
    }

    /// The body's length by the one Content-Length of the head.
    private func contentLength(headEnd: Int) throws(ParseError) -> Int {
        let bytes = buffer.span.extracting(consumed..<headEnd)
        let scan = HeadScan(bytes)
        // A fault in a row is the parser's to answer; one that hides the rows behind it also hides the length.
        if let fault = scan.fault, scan.headEnd != bytes.count { throw fault }
        var length: Int?
        for field in scan.fields where field.name == .contentLength {
            guard length == nil else { throw ParseError(.duplicate, in: "Content-Length", at: Int(field.value.start)) }
            length = try MessageParser.contentLength(in: bytes, field.value)
        }
        guard let length else { throw ParseError(.missing, in: "Content-Length", at: bytes.count) }
        return length
    }
}
