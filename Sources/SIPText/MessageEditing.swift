import Wire

// What a proxy changes (RFC 3261 section 16.6) and what builds a message. An edit leaves every other field as it came.
extension Message {
    /// Adds octets to the buffer and gives the slice they stand in.
    mutating func append(_ octets: Span<UInt8>) -> Slice {
        let start = bytes.count
        octets.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        return Slice(start..<bytes.count)
    }

    mutating func append(_ text: StaticString) -> Slice {
        let start = bytes.count
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        return Slice(start..<bytes.count)
    }

    private mutating func field(_ name: HeaderName, _ value: [UInt8]) -> Field {
        Field(name: name, text: append(name.text), value: append(value.span))
    }

    /// Puts a field above the first field of its name, or at the top when there is none: Via, Record-Route and Route
    /// are read from the top.
    public mutating func prepend(_ name: HeaderName, _ value: [UInt8]) {
        let index = firstIndex(of: name) ?? 0
        fields.insert(field(name, value), at: index)
    }

    /// Puts a field below every other.
    public mutating func append(_ name: HeaderName, _ value: [UInt8]) { fields.append(field(name, value)) }

    /// Puts a field with a number below every other.
    public mutating func append(_ name: HeaderName, decimal number: UInt64) {
        fields.append(Field(name: name, text: append(name.text), value: append(decimal: number)))
    }

    /// Replaces the value of the first field of that name by a number, or adds the field.
    public mutating func set(_ name: HeaderName, decimal number: UInt64) {
        if let index = firstIndex(of: name) {
            fields[index].value = append(decimal: number)
        } else {
            append(name, decimal: number)
        }
    }

    private mutating func append(decimal number: UInt64) -> Slice {
        let start = bytes.count
        ASCII.append(decimal: number, to: &bytes)
        return Slice(start..<bytes.count)
    }

    /// Puts a field with a name that this code does not know below every other.
    public mutating func append(named text: [UInt8], _ value: [UInt8]) {
        fields.append(Field(name: .other, text: append(text.span), value: append(value.span)))
    }

    /// Puts the first field of that name of another message below every other of this one.
    mutating func appendFirstField(of name: HeaderName, from other: Message) {
        guard let slice = other.value(of: name) else { return }
        append(name, other.copy(slice))
    }

    /// Puts fields of another message below every other of this one, values and order kept.
    public mutating func appendFields(of name: HeaderName, from other: Message) {
        for field in other.fields where field.name == name {
            let value = append(other.octets(field.value))
            fields.append(Field(name: name, text: append(name.text), value: value))
        }
    }

    /// Replaces the value of the first field of that name, or adds the field.
    public mutating func set(_ name: HeaderName, _ value: [UInt8]) {
        if let index = firstIndex(of: name) {
            fields[index].value = append(value.span)
        } else {
            fields.append(field(name, value))
        }
    }

    /// Replaces the first comma separated value of the first field of that name.
    public mutating func setFirstValue(of name: HeaderName, _ value: [UInt8]) {
        guard let index = firstIndex(of: name) else { return }
        var rest = fields[index].value
        guard Message.nextValue(in: bytes.span, from: &rest) != nil else { return }
        var text = value
        if !rest.isEmpty {
            text.append(ASCII.comma)
            text.append(contentsOf: bytes[rest.range])
        }
        fields[index].value = append(text.span)
    }

    /// Removes the first comma separated value of the first field of that name; the row goes with its last value.
    public mutating func removeFirstValue(of name: HeaderName) {
        guard let index = firstIndex(of: name) else { return }
        var rest = fields[index].value
        _ = Message.nextValue(in: bytes.span, from: &rest)
        // Commas with nothing behind them are no value (RFC 3261 section 7.3.1 has none, senders have).
        var more = rest
        let remaining = bytes.span.trimmed(rest.range)
        if Message.nextValue(in: bytes.span, from: &more) == nil {
            fields.remove(at: index)
        } else {
            fields[index].value = Slice(remaining)
        }
    }

    /// Removes the last comma separated value of the last field of that name.
    public mutating func removeLastValue(of name: HeaderName) {
        guard let index = fields.lastIndex(where: { $0.name == name }) else { return }
        var rest = fields[index].value
        let start = Int(rest.start)
        var previous: Slice?
        var last: Slice?
        while let value = Message.nextValue(in: bytes.span, from: &rest) {
            previous = last
            last = value
        }
        if let previous {
            fields[index].value = Slice(start, Int(previous.end))
        } else {
            fields.remove(at: index)
        }
    }

    /// Removes every field of that name.
    public mutating func removeAll(_ name: HeaderName) { fields.removeAll { $0.name == name } }

    /// Removes the rows of that name whose value the predicate wants gone.
    public mutating func removeAll(_ name: HeaderName, where predicate: (Span<UInt8>) -> Bool) {
        var kept: [Field] = []
        for field in fields where field.name != name || !predicate(bytes.span.extracting(field.value.range)) {
            kept.append(field)
        }
        fields = kept
    }

    /// Removes the rows of names that this code does not know, where the predicate wants them gone.
    public mutating func removeFields(named predicate: (Span<UInt8>) -> Bool) {
        guard fields.contains(where: { $0.name == .other && predicate(bytes.span.extracting($0.text.range)) }) else {
            return
        }
        var kept: [Field] = []
        for field in fields where field.name != .other || !predicate(bytes.span.extracting(field.text.range)) {
            kept.append(field)
        }
        fields = kept
    }

    /// Replaces the Request-URI; does nothing to a response.
    public mutating func setRequestURI(_ uri: [UInt8]) {
        guard case .request(let method, let text, _) = startLine else { return }
        startLine = .request(method, text: text, uri: append(uri.span))
    }

    /// Replaces status and reason phrase; does nothing to a request.
    public mutating func setStatus(_ status: UInt16, reason: StaticString) {
        guard case .response = startLine else { return }
        startLine = .response(status: status, reason: append(reason))
    }

    /// The message without its body, in a buffer that does not hold it either: what must be kept of a request to answer it.
    public func withoutBody() -> Message {
        guard !body.isEmpty, Int(body.end) == bytes.count else { return self }
        var message = self
        message.bytes = Array(bytes[..<Int(body.start)])
        message.body = .empty
        return message
    }

    /// Replaces the body and sets Content-Type, when one is given, and Content-Length.
    public mutating func setBody(_ octets: [UInt8], contentType: [UInt8]?) {
        body = append(octets.span)
        if let contentType { set(.contentType, contentType) }
        set(.contentLength, decimal: UInt64(octets.count))
    }
}

// MARK: - Building

extension Message {
    /// A request with no fields but CSeq.
    ///
    /// - Parameters:
    ///   - method: not `other`.
    ///   - uri: the Request-URI's octets.
    ///   - sequence: the CSeq number, below 2 to the power of 31.
    public init(request method: Method, uri: [UInt8], sequence: UInt32) {
        self.init(
            bytes: [], startLine: .response(status: 0, reason: .empty), fields: [], body: .empty,
            cseq: CSeq(number: sequence, method: method, methodText: .empty))
        bytes.reserveCapacity(1_024)
        let text = append(method.name)
        startLine = .request(method, text: text, uri: append(uri.span))
        cseq = CSeq(number: sequence, method: method, methodText: text)
        var value: [UInt8] = []
        ASCII.append(decimal: UInt64(sequence), to: &value)
        value.append(ASCII.space)
        value.append(contentsOf: bytes[text.range])
        append(.cseq, value)
    }

    /// A response to a request (RFC 3261 section 8.2.6): Via, From, To, Call-ID and CSeq are the request's.
    ///
    /// - Parameters:
    ///   - reason: the reason phrase.
    ///   - tag: what To gets when it has no tag and the status is above 100.
    public init(status: UInt16, reason: StaticString, to request: Message, tag: [UInt8]?) {
        self.init(
            status: status,
            phrase: Array(UnsafeBufferPointer(start: reason.utf8Start, count: reason.utf8CodeUnitCount)),
            to: request, tag: tag)
    }

    /// A response to a request, its reason phrase made at run time.
    public init(status: UInt16, phrase: [UInt8], to request: Message, tag: [UInt8]?) {
        self.init(
            bytes: [], startLine: .response(status: status, reason: .empty), fields: [], body: .empty,
            cseq: CSeq(number: request.cseq.number, method: request.cseq.method, methodText: .empty))
        bytes.reserveCapacity(1_024)
        startLine = .response(status: status, reason: append(phrase.span))
        appendFields(of: .via, from: request)
        // One each, whatever the request has: a request that is refused for its second From is answered too.
        appendFirstField(of: .from, from: request)
        if let to = request.value(of: .to) {
            var value = request.copy(to)
            // A To that cannot be read goes back as it came.
            if let tag, status > 100, let address = NameAddress(in: request.bytes.span, to),
                address.tag(in: request.bytes.span) == nil
            {
                value.append(contentsOf: Array(";tag=".utf8))
                value.append(contentsOf: tag)
            }
            append(.to, value)
        }
        appendFirstField(of: .callID, from: request)
        appendFirstField(of: .cseq, from: request)
        cseq.methodText = append(request.octets(request.cseq.methodText))
    }
}
