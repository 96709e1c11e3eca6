internal import Wire

/// How the server is doing.
public struct StatusReport: Hashable, Sendable {
    /// A number that only grows, by name: `requests`, `malformed`.
    public struct Counter: Hashable, Sendable {
        /// The name under which the number is shown.
        public var name: String
        /// The number since the server started.
        public var value: UInt64

        /// A counter by its name and present value.
        public init(_ name: String, _ value: UInt64) {
            self.name = name
            self.value = value
        }
    }

    /// The server's release.
    public var version: String
    /// Whole seconds since the server started.
    public var uptime: UInt64
    /// Whether the gate is there and answers.
    public var isGateConnected: Bool
    /// Sessions at the moment.
    public var sessions: UInt64
    /// Holes that the sessions have open at the moment.
    public var pinholes: UInt64
    /// At most 256, no name twice, in the order in which they are shown.
    public var counters: [Counter]

    /// All values at once.
    public init(
        version: String, uptime: UInt64, isGateConnected: Bool, sessions: UInt64, pinholes: UInt64, counters: [Counter]
    ) {
        self.version = version
        self.uptime = uptime
        self.isGateConnected = isGateConnected
        self.sessions = sessions
        self.pinholes = pinholes
        self.counters = counters
    }
}

extension StatusReport {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("version") { $0.text(Array(version.utf8)) }
            writer.member("uptime_seconds") { $0.number(uptime) }
            writer.member("gate_connected") { $0.flag(isGateConnected) }
            writer.member("sessions") { $0.number(sessions) }
            writer.member("pinholes") { $0.number(pinholes) }
            writer.member("counters") { writer in
                writer.object { writer in
                    for counter in counters { writer.member(counter.name) { $0.number(counter.value) } }
                }
            }
        }
    }

    init(_ value: JSONValue) throws(ParseError) {
        self.init(
            version: try value.text("version"), uptime: try value.number("uptime_seconds"),
            isGateConnected: try value.flag("gate_connected"), sessions: try value.number("sessions"),
            pinholes: try value.number("pinholes"), counters: [])
        let counters = try value.required("counters")
        guard case .object(let members) = counters.content else { throw counters.mismatch("counters") }
        for member in members {
            guard case .number(let number) = member.value.content else { throw member.value.mismatch("counters") }
            self.counters.append(Counter(member.name, number))
        }
    }
}
