public import Wire

/// What can be asked of `sekishod` on its control socket: one line, one request per connection.
///
/// The answer is one JSON document (`ControlAnswer`), after which the server closes the connection.
public enum ControlRequest: Hashable, Sendable {
    /// How the server is doing.
    case status
    /// What calls there are.
    case sessions
    /// What happened in one call: the newest that goes by this name, a session's number, a Call-ID, or a part of the URI of
    /// From or To.
    case call([UInt8])

    /// Octets of a name of a call: of a Call-ID as long as the longest that is shown.
    public static let maximumName = SessionReport.maximumText
    /// Octets of a request with its line end.
    public static let maximumLength = maximumName + 6

    /// Reads a request from what has arrived so far.
    ///
    /// - Returns: nil while the line is not complete.
    /// - Throws: `tooLong` when the line does not end within `maximumLength` octets, `unsupported` for another request,
    ///   `missing` for a call without a name, `unexpectedOctet` when something follows the line.
    public init?(_ received: Span<UInt8>) throws(ParseError) {
        var cursor = Cursor(received)
        let line = cursor.take { $0 != ASCII.lf }
        guard line.count < Self.maximumLength else {
            throw ParseError(.tooLong, in: "control request", at: Self.maximumLength)
        }
        guard cursor.skip(ASCII.lf) else { return nil }
        guard cursor.isAtEnd else { throw ParseError(.unexpectedOctet, in: "control request", at: cursor.offset) }
        for request in [Self.status, .sessions] where received.extracting(line).isEqual(to: request.line.dropLast()) {
            self = request
            return
        }
        guard line.count >= Self.callWord.count,
            received.extracting(line.prefix(Self.callWord.count)).isEqual(to: Self.callWord[...])
        else { throw ParseError(.unsupported, in: "control request", at: 0) }
        let name = received.extracting(line.dropFirst(Self.callWord.count))
        guard !name.isEmpty else { throw ParseError(.missing, in: "name of a call", at: Self.callWord.count) }
        self = .call((0..<name.count).map { name[$0] })
    }

    private static var callWord: [UInt8] { Array("call ".utf8) }

    /// The request as it is sent, with its line end.
    public var line: [UInt8] {
        switch self {
        case .status: Array("status\n".utf8)
        case .sessions: Array("sessions\n".utf8)
        case .call(let name): Self.callWord + name + [ASCII.lf]
        }
    }
}

extension Span<UInt8> {
    fileprivate func isEqual(to octets: ArraySlice<UInt8>) -> Bool { ASCII.equal(self, octets.span) }
}
