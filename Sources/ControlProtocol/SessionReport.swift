internal import Wire

/// One session, as `sekisho sessions` shows it.
public struct SessionReport: Hashable, Sendable {
    /// How far the session's holes are.
    public enum State: String, CaseIterable, Hashable, Sendable {
        /// Open for any source outside, until the answer names one.
        case halfOpen = "half-open"
        /// Open between known endpoints.
        case open
        /// Nothing is open: media does not cross the gateway, is held, or could not be read.
        case noMedia = "no media"
        /// The gate has been asked to close and has not answered yet.
        case closing
    }

    /// How the session description was read.
    public enum Description: String, CaseIterable, Hashable, Sendable {
        /// It came in the clear.
        case plain
        /// It was encrypted for this server among others.
        case disclosed
        /// It could not be read, and did not have to be.
        case unread
    }

    /// Octets of a text from outside that are shown; a longer one is cut and ends in an ellipsis.
    public static let maximumText = 256

    /// The session's number at the gate, in hexadecimal.
    public var identifier: String
    /// As it came from outside: any octets.
    public var callID: [UInt8]
    /// The URI of From: any octets.
    public var from: [UInt8]
    /// The URI of To: any octets.
    public var to: [UInt8]
    /// How far the session's holes are.
    public var state: State
    /// Whole seconds since the session began.
    public var age: UInt64
    /// How the session description was read.
    public var description: Description
    /// The session's holes and what went through them; nil while the gate does not say.
    public var pinholes: [PinholeReport]?

    /// All values at once.
    public init(
        identifier: String, callID: [UInt8], from: [UInt8], to: [UInt8], state: State, age: UInt64,
        description: Description, pinholes: [PinholeReport]?
    ) {
        self.identifier = identifier
        self.callID = callID
        self.from = from
        self.to = to
        self.state = state
        self.age = age
        self.description = description
        self.pinholes = pinholes
    }
}

extension SessionReport {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id") { $0.text(Array(identifier.utf8)) }
            writer.member("call_id") { $0.text(Self.cut(callID)) }
            writer.member("from") { $0.text(Self.cut(from)) }
            writer.member("to") { $0.text(Self.cut(to)) }
            writer.member("state") { $0.text(Array(state.rawValue.utf8)) }
            writer.member("age_seconds") { $0.number(age) }
            writer.member("sdp") { $0.text(Array(description.rawValue.utf8)) }
            writer.member("pinholes") { writer in
                guard let pinholes else { return writer.null() }
                writer.array { writer in
                    for pinhole in pinholes { pinhole.write(to: &writer) }
                }
            }
        }
    }

    init(_ value: JSONValue) throws(ParseError) {
        self.init(
            identifier: try value.text("id"), callID: Array(try value.text("call_id").utf8),
            from: Array(try value.text("from").utf8), to: Array(try value.text("to").utf8),
            state: try value.word("state"), age: try value.number("age_seconds"), description: try value.word("sdp"),
            pinholes: nil)
        if case .null = try value.required("pinholes").content { return }
        var pinholes: [PinholeReport] = []
        for pinhole in try value.array("pinholes") { pinholes.append(try PinholeReport(pinhole)) }
        self.pinholes = pinholes
    }

    private static func cut(_ text: [UInt8]) -> [UInt8] {
        guard text.count > maximumText else { return text }
        // A character of UTF-8 is not cut in two; it has at most three octets after its first.
        let start = (maximumText - 3...maximumText).last { text[$0] & 0xC0 != 0x80 }
        return text.prefix(start ?? maximumText) + Array("\u{2026}".utf8)
    }
}
