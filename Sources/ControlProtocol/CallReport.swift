public import Wire

/// Everything that the server knows of one call, as `sekisho why` tells it.
public struct CallReport: Hashable, Sendable {
    /// One of the two ends.
    public enum End: String, CaseIterable, Hashable, Sendable {
        /// Who sent the INVITE.
        case caller
        /// Who answers it.
        case callee

        /// The other one.
        public var other: End { self == .caller ? .callee : .caller }
    }

    /// Where an end is, as its signalling shows.
    public struct Whereabouts: Hashable, Sendable {
        /// The address that its signalling comes from.
        public var address: IPAddress
        /// Whether it is on the protected side.
        public var isInside: Bool

        /// At this address.
        public init(address: IPAddress, isInside: Bool) {
            self.address = address
            self.isInside = isInside
        }
    }

    /// Packets that were nearly the call's: from elsewhere, or to elsewhere, than its session descriptions say.
    public struct NearMiss: Hashable, Sendable {
        /// Where they came from.
        public var source: Endpoint
        /// Where they were to go.
        public var destination: Endpoint
        /// How many were seen; a sample.
        public var packets: UInt64

        /// So many between these two.
        public init(source: Endpoint, destination: Endpoint, packets: UInt64) {
            self.source = source
            self.destination = destination
            self.packets = packets
        }
    }

    /// How a call ended.
    public struct Ending: Hashable, Sendable {
        /// Whole seconds since then.
        public var secondsAgo: UInt64
        /// Why, in words.
        public var reason: String

        /// So long ago, and why.
        public init(secondsAgo: UInt64, reason: String) {
            self.secondsAgo = secondsAgo
            self.reason = reason
        }
    }

    /// The call, its holes and what went through them; of one that is over, what went through them to the end.
    public var session: SessionReport
    /// Where the caller is.
    public var caller: Whereabouts
    /// Where the callee is; nil where nobody knows.
    public var callee: Whereabouts?
    /// How it ended; nil while it is up.
    public var ending: Ending?
    /// What happened, the oldest first.
    public var events: [CallReportEvent]
    /// Events that are not told, after the first ones.
    public var omittedEvents: UInt64
    /// What nearly went through its holes, the most frequent first.
    public var nearMisses: [NearMiss]

    /// All values at once.
    public init(
        session: SessionReport, caller: Whereabouts, callee: Whereabouts?, ending: Ending?, events: [CallReportEvent],
        omittedEvents: UInt64, nearMisses: [NearMiss]
    ) {
        self.session = session
        self.caller = caller
        self.callee = callee
        self.ending = ending
        self.events = events
        self.omittedEvents = omittedEvents
        self.nearMisses = nearMisses
    }

    /// Where an end is.
    public func whereabouts(of end: End) -> Whereabouts? { end == .caller ? caller : callee }
}

extension CallReport {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("session") { session.write(to: &$0) }
            writer.member("caller") { caller.write(to: &$0) }
            if let callee { writer.member("callee") { callee.write(to: &$0) } }
            if let ending {
                writer.member("ended") { writer in
                    writer.object { writer in
                        writer.member("seconds_ago") { $0.number(ending.secondsAgo) }
                        writer.member("reason") { $0.text(ending.reason) }
                    }
                }
            }
            writer.member("events") { writer in
                writer.array { writer in for event in events { event.write(to: &writer) } }
            }
            writer.member("omitted_events") { $0.number(omittedEvents) }
            writer.member("near_misses") { writer in
                writer.array { writer in for miss in nearMisses { miss.write(to: &writer) } }
            }
        }
    }

    init(_ value: JSONValue) throws(ParseError) {
        var events: [CallReportEvent] = []
        for event in try value.array("events") { events.append(try CallReportEvent(event)) }
        var nearMisses: [NearMiss] = []
        for miss in try value.array("near_misses") { nearMisses.append(try NearMiss(miss)) }
        var callee: Whereabouts?
        if let member = value.member("callee") { callee = try Whereabouts(member) }
        var ending: Ending?
        if let member = value.member("ended") {
            ending = Ending(secondsAgo: try member.number("seconds_ago"), reason: try member.text("reason"))
        }
        self.init(
            session: try SessionReport(try value.required("session")),
            caller: try Whereabouts(try value.required("caller")), callee: callee, ending: ending, events: events,
            omittedEvents: try value.number("omitted_events"), nearMisses: nearMisses)
    }
}

extension CallReport.Whereabouts {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("address") { $0.text(address.description) }
            writer.member("inside") { $0.flag(isInside) }
        }
    }

    fileprivate init(_ value: JSONValue) throws(ParseError) {
        guard let address = IPAddress(try value.text("address")) else {
            throw ParseError(.badAddress, in: "address", at: value.offset)
        }
        self.init(address: address, isInside: try value.flag("inside"))
    }
}

extension CallReport.NearMiss {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("source") { $0.text(source.description) }
            writer.member("destination") { $0.text(destination.description) }
            writer.member("packets") { $0.number(packets) }
        }
    }

    fileprivate init(_ value: JSONValue) throws(ParseError) {
        self.init(
            source: try value.endpoint("source"), destination: try value.endpoint("destination"),
            packets: try value.number("packets"))
    }
}
