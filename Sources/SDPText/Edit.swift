public import Wire

/// One change to a description. Only the line it is about is rewritten; every other octet stays.
///
/// Indices are those of the m-lines.
public enum Edit: Hashable, Sendable {
    /// The address of o=.
    case originAddress(IPAddress)
    /// The session's c-line. Holds for every m-line without one of its own.
    case sessionConnection(IPAddress)
    /// The m-line's first own c-line, put in after m= and i= when it has none.
    case mediaConnection(index: Int, IPAddress)
    /// The port of an m-line; 0 refuses the stream.
    case port(index: Int, UInt16)
    /// `a=rtcp` with a port and, unless nil, an address; put in at the end of the stream's lines when it has none.
    case rtcp(index: Int, port: UInt16, IPAddress?)
    /// Takes `a=rtcp` out, with its line.
    case removeRTCP(index: Int)
    /// Address and port of one of the m-line's candidates, by its place among those that are looked at.
    case candidate(index: Int, number: Int, Endpoint)
}

/// Why a description could not be changed. It is as it was.
public enum EditError: Error, Hashable, Sendable {
    /// The description has no m-line of that index.
    case noSuchMedia(index: Int)
    /// The description has no session c-line; change those of the m-lines.
    case noSessionConnection
    /// The result would not be a description that this module reads: it is over a limit.
    case refused(ParseError.Code, offset: Int)
}

extension SessionDescription {
    /// The description with the changes made one after the other, so that of two about one line the last holds.
    public func applying(_ edits: [Edit]) throws(EditError) -> SessionDescription {
        var result = self
        for edit in edits { try result.apply(edit) }
        return result
    }

    /// Makes one change.
    public mutating func apply(_ edit: Edit) throws(EditError) {
        switch edit {
        case .originAddress(let address):
            try replace(origin.addressRange, with: Self.connectionValue(address))
        case .sessionConnection(let address):
            guard let connectionRange else { throw .noSessionConnection }
            try replace(connectionRange, with: Self.connectionValue(address))
        case .mediaConnection(let index, let address):
            let stream = try stream(index)
            let value = Self.connectionValue(address)
            if let range = stream.ownConnectionRange {
                try replace(range, with: value)
            } else {
                try insert(Array("c=".utf8) + value, at: stream.connectionPlace)
            }
        case .port(let index, let port):
            var digits: [UInt8] = []
            ASCII.append(decimal: UInt64(port), to: &digits)
            try replace(stream(index).portRange, with: digits)
        case .rtcp(let index, let port, let address):
            let stream = try stream(index)
            var line = Array("a=rtcp:".utf8)
            ASCII.append(decimal: UInt64(port), to: &line)
            if let address { line += [ASCII.space] + Self.connectionValue(address) }
            if let old = stream.rtcp {
                try replace(contentRange(of: old.line), with: line)
            } else {
                try insert(line, at: stream.section.upperBound)
            }
        case .removeRTCP(let index):
            guard let old = try stream(index).rtcp else { return }
            try replace(old.line, with: [])
        case .candidate(let index, let number, let endpoint):
            let stream = try stream(index)
            guard stream.candidates.indices.contains(number) else { return }
            var place: [UInt8] = []
            endpoint.address.appendText(to: &place)
            place.append(ASCII.space)
            ASCII.append(decimal: UInt64(endpoint.port), to: &place)
            try replace(stream.candidates[number].place, with: place)
        }
    }

    /// The description without the lines of candidates at addresses that are hidden and have no new endpoint, whatever their
    /// transport and component, and without the hidden addresses behind the others: in their place stands what an agent writes
    /// that does not tell them (RFC 8839 section 5.1).
    func hidingCandidates(
        at hidden: (IPAddress) -> Bool, unless isReplaced: (Endpoint) -> Bool
    ) throws(EditError) -> SessionDescription {
        var changes: [(range: Range<Int>, octets: [UInt8])] = []
        for attribute in media.flatMap(\.attributes) where bytes.span.equal(attribute.name, "candidate") {
            guard let value = attribute.value else { continue }
            if let endpoint = Candidate.endpoint(of: value, in: bytes.span), hidden(endpoint.address),
                !isReplaced(endpoint)
            {
                changes.append((attribute.line, []))
            } else if let related = Candidate.related(in: value, of: bytes.span), hidden(related.address) {
                changes.append((related.place, Array("\(related.address.isIPv6 ? "::" : "0.0.0.0") rport 9".utf8)))
            }
        }
        guard !changes.isEmpty else { return self }
        var edited = bytes
        // Backwards: what is changed moves nothing that is still to be.
        for change in changes.reversed() { edited.replaceSubrange(change.range, with: change.octets) }
        do {
            return try SessionDescription(parsing: edited)
        } catch {
            throw .refused(error.code, offset: error.offset)
        }
    }

    private func stream(_ index: Int) throws(EditError) -> MediaDescription {
        guard media.indices.contains(index) else { throw .noSuchMedia(index: index) }
        return media[index]
    }

    private static func connectionValue(_ address: IPAddress) -> [UInt8] {
        var output: [UInt8] = []
        AddressType.append(address, to: &output)
        return output
    }

    /// A line's range without its end.
    private func contentRange(of line: Range<Int>) -> Range<Int> {
        var end = line.upperBound
        while end > line.lowerBound, bytes[end - 1] == ASCII.lf || bytes[end - 1] == ASCII.cr { end -= 1 }
        return line.lowerBound..<end
    }

    /// Puts a line in, with the line end that the first line has; a last line without one stays without one.
    private mutating func insert(_ line: [UInt8], at place: Int) throws(EditError) {
        let firstEnd = bytes.firstIndex(of: ASCII.lf) ?? 0
        let lineEnd = firstEnd > 0 && bytes[firstEnd - 1] == ASCII.cr ? [ASCII.cr, ASCII.lf] : [ASCII.lf]
        let follows = place > 0 && bytes[place - 1] != ASCII.lf
        try replace(place..<place, with: follows ? lineEnd + line : line + lineEnd)
    }

    private mutating func replace(_ range: Range<Int>, with octets: [UInt8]) throws(EditError) {
        var edited = bytes
        edited.replaceSubrange(range, with: octets)
        do {
            self = try SessionDescription(parsing: edited)
        } catch {
            throw .refused(error.code, offset: error.offset)
        }
    }
}
