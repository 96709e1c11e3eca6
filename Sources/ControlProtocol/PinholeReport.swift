public import Wire

/// One hole of a session and what has gone through it.
public struct PinholeReport: Hashable, Sendable {
    /// Packets and octets in one direction.
    public struct Traffic: Hashable, Sendable {
        /// Packets that went through.
        public var packets: UInt64
        /// Octets that went through.
        public var bytes: UInt64

        /// Both counts of one direction.
        public init(packets: UInt64, bytes: UInt64) {
            self.packets = packets
            self.bytes = bytes
        }
    }

    /// The endpoint on the protected side.
    public var inside: Endpoint
    /// What that endpoint is outside, where addresses are translated.
    public var external: Endpoint?
    /// Nil while any endpoint outside will do.
    public var outside: Endpoint?
    /// From inside to outside.
    public var outward: Traffic
    /// From outside to inside.
    public var inward: Traffic

    /// All values at once; no outside endpoint stands for any.
    public init(
        inside: Endpoint, external: Endpoint? = nil, outside: Endpoint?, outward: Traffic, inward: Traffic
    ) {
        self.inside = inside
        self.external = external
        self.outside = outside
        self.outward = outward
        self.inward = inward
    }
}

extension PinholeReport {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("inside") { $0.text(Array(inside.description.utf8)) }
            if let external { writer.member("external") { $0.text(Array(external.description.utf8)) } }
            writer.member("outside") { $0.text(Array((outside?.description ?? Self.any).utf8)) }
            writer.member("outward") { outward.write(to: &$0) }
            writer.member("inward") { inward.write(to: &$0) }
        }
    }

    init(_ value: JSONValue) throws(ParseError) {
        let outside: Endpoint? =
            try value.text("outside") == Self.any ? nil : try value.endpoint("outside")
        self.init(
            inside: try value.endpoint("inside"),
            external: value.member("external") == nil ? nil : try value.endpoint("external"),
            outside: outside,
            outward: try Traffic(try value.required("outward")), inward: try Traffic(try value.required("inward")))
    }

    /// What stands for an endpoint that is not known yet.
    private static var any: String { "any" }
}

extension PinholeReport.Traffic {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("packets") { $0.number(packets) }
            writer.member("bytes") { $0.number(bytes) }
        }
    }

    fileprivate init(_ value: JSONValue) throws(ParseError) {
        self.init(packets: try value.number("packets"), bytes: try value.number("bytes"))
    }
}
