public import Wire

/// What can be asked of `sekishod` on its control socket: one line, one request per connection.
///
/// The answer is one JSON document (`ControlAnswer`), after which the server closes the connection.
public enum ControlRequest: String, CaseIterable, Hashable, Sendable {
    /// How the server is doing.
    case status
    /// What calls there are.
    case sessions

    /// Octets of a request with its line end; the longest request has nine.
    public static let maximumLength = 64

    /// Reads a request from what has arrived so far.
    ///
    /// - Returns: nil while the line is not complete.
    /// - Throws: `tooLong` when the line does not end within `maximumLength` octets, `unsupported` for another request,
    ///   `unexpectedOctet` when something follows the line.
    public init?(_ received: Span<UInt8>) throws(ParseError) {
        var cursor = Cursor(received)
        let line = cursor.take { $0 != ASCII.lf }
        guard line.count < Self.maximumLength else {
            throw ParseError(.tooLong, in: "control request", at: Self.maximumLength)
        }
        guard cursor.skip(ASCII.lf) else { return nil }
        guard cursor.isAtEnd else { throw ParseError(.unexpectedOctet, in: "control request", at: cursor.offset) }
        for request in Self.allCases where received.extracting(line).isEqual(to: request.rawValue) {
            self = request
            return
        }
        throw ParseError(.unsupported, in: "control request", at: 0)
    }

    /// The request as it is sent, with its line end.
    public var line: [UInt8] { Array(rawValue.utf8) + [ASCII.lf] }
}

extension Span<UInt8> {
    fileprivate func isEqual(to text: String) -> Bool {
        let octets = Array(text.utf8)
        return ASCII.equal(self, octets.span)
    }
}
