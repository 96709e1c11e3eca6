public import Wire

/// Something that happened in a call.
public struct CallReportEvent: Hashable, Sendable {
    /// A message: `INVITE`, or `200 INVITE` for a response to one.
    public struct Label: Hashable, Sendable {
        /// The method of the request, or of the one that is answered.
        public var method: String
        /// The status of a response; nil for a request.
        public var status: UInt64?

        /// A request, or a response to one.
        public init(_ method: String, status: UInt64? = nil) {
            self.method = method
            self.status = status
        }
    }

    /// Which way a stream goes, as the end that described it sees it (RFC 8866 section 6.7).
    public enum Direction: String, CaseIterable, Hashable, Sendable {
        /// Both ways.
        case sendReceive = "sendrecv"
        /// This end sends only.
        case sendOnly = "sendonly"
        /// This end receives only.
        case receiveOnly = "recvonly"
        /// No media either way.
        case inactive

        /// Whether this end means to send.
        public var sends: Bool { self == .sendReceive || self == .sendOnly }
        /// Whether this end means to receive.
        public var receives: Bool { self == .sendReceive || self == .receiveOnly }
    }

    /// A stream of a session description.
    public struct Stream: Hashable, Sendable {
        /// `audio`, `video` or `media`.
        public var kind: String
        /// Which way it goes.
        public var direction: Direction
        /// Where its packets are to go; nil for nowhere.
        public var rtp: Endpoint?
        /// Where its RTCP is to go, when that is elsewhere.
        public var rtcp: Endpoint?

        /// A stream to these endpoints.
        public init(kind: String, direction: Direction, rtp: Endpoint?, rtcp: Endpoint? = nil) {
            self.kind = kind
            self.direction = direction
            self.rtp = rtp
            self.rtcp = rtcp
        }
    }

    /// What happened.
    public enum What: Hashable, Sendable {
        /// An end said where its media goes.
        case described(by: CallReport.End, in: Label, isOffer: Bool, isDisclosed: Bool, streams: [Stream])
        /// An end rang, answered, refused or hung up without saying so.
        case said(by: CallReport.End, Label)
        /// The gate confirmed that so much is open.
        case holes(halfOpen: UInt64, paths: UInt64)
        /// The gateway refused a message, or what was in the envelope of the one before.
        case refused(Label?, why: [UInt8])
        /// The server was started again, and does not know any more what happened before.
        case restored
    }

    /// Milliseconds since the call began.
    public var milliseconds: UInt64
    /// What happened then.
    public var what: What

    /// Something that happened so long after the beginning.
    public init(milliseconds: UInt64, _ what: What) {
        self.milliseconds = milliseconds
        self.what = what
    }
}

extension CallReportEvent {
    private enum Word: String { case described, said, holes, refused, restored }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("ms") { $0.number(milliseconds) }
            switch what {
            case .described(let end, let label, let isOffer, let isDisclosed, let streams):
                writer.member("what") { $0.text(Word.described.rawValue) }
                writer.member("by") { $0.text(end.rawValue) }
                label.write(to: &writer)
                writer.member("offer") { $0.flag(isOffer) }
                writer.member("disclosed") { $0.flag(isDisclosed) }
                writer.member("streams") { writer in
                    writer.array { writer in for stream in streams { stream.write(to: &writer) } }
                }
            case .said(let end, let label):
                writer.member("what") { $0.text(Word.said.rawValue) }
                writer.member("by") { $0.text(end.rawValue) }
                label.write(to: &writer)
            case .holes(let halfOpen, let paths):
                writer.member("what") { $0.text(Word.holes.rawValue) }
                writer.member("half_open") { $0.number(halfOpen) }
                writer.member("paths") { $0.number(paths) }
            case .refused(let label, let why):
                writer.member("what") { $0.text(Word.refused.rawValue) }
                label?.write(to: &writer)
                writer.member("why") { $0.text(why) }
            case .restored: writer.member("what") { $0.text(Word.restored.rawValue) }
            }
        }
    }

    init(_ value: JSONValue) throws(ParseError) {
        let milliseconds = try value.number("ms")
        let word: Word = try value.word("what")
        switch word {
        case .described:
            var streams: [Stream] = []
            for stream in try value.array("streams") { streams.append(try Stream(stream)) }
            self.init(
                milliseconds: milliseconds,
                .described(
                    by: try value.word("by"), in: try Label(value), isOffer: try value.flag("offer"),
                    isDisclosed: try value.flag("disclosed"), streams: streams))
        case .said:
            self.init(milliseconds: milliseconds, .said(by: try value.word("by"), try Label(value)))
        case .holes:
            self.init(
                milliseconds: milliseconds,
                .holes(halfOpen: try value.number("half_open"), paths: try value.number("paths")))
        case .refused:
            let label = value.member("method") == nil ? nil : try Label(value)
            self.init(milliseconds: milliseconds, .refused(label, why: Array(try value.text("why").utf8)))
        case .restored: self.init(milliseconds: milliseconds, .restored)
        }
    }
}

extension CallReportEvent.Label {
    /// Its members, inside the event's object.
    fileprivate func write(to writer: inout JSONWriter) {
        writer.member("method") { $0.text(method) }
        if let status { writer.member("status") { $0.number(status) } }
    }

    fileprivate init(_ value: JSONValue) throws(ParseError) {
        self.init(
            try value.text("method"), status: value.member("status") == nil ? nil : try value.number("status"))
    }
}

extension CallReportEvent.Stream {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("kind") { $0.text(kind) }
            writer.member("direction") { $0.text(direction.rawValue) }
            if let rtp { writer.member("rtp") { $0.text(rtp.description) } }
            if let rtcp { writer.member("rtcp") { $0.text(rtcp.description) } }
        }
    }

    fileprivate init(_ value: JSONValue) throws(ParseError) {
        self.init(
            kind: try value.text("kind"), direction: try value.word("direction"),
            rtp: value.member("rtp") == nil ? nil : try value.endpoint("rtp"),
            rtcp: value.member("rtcp") == nil ? nil : try value.endpoint("rtcp"))
    }
}
