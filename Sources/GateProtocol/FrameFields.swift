import Wire

/// The fields of a frame. Every reader consumes exactly its field or throws with the place of the fault.
extension Cursor {
    @_lifetime(self: copy self)
    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type, in production: StaticString
    ) throws(ParseError) -> Value {
        let width = Value.bitWidth / 8
        guard bytes.count - offset >= width else { throw ParseError(.truncated, in: production, at: bytes.count) }
        var value: UInt64 = 0
        for index in 0..<width { value = value << 8 | UInt64(bytes[offset + index]) }
        offset += width
        return Value(truncatingIfNeeded: value)
    }

    /// 0 or 1, nothing else: each frame has one spelling.
    @_lifetime(self: copy self)
    mutating func flag(in production: StaticString) throws(ParseError) -> Bool {
        switch try integer(UInt8.self, in: production) {
        case 0: return false
        case 1: return true
        default: throw ParseError(.badNumber, in: production, at: offset - 1)
        }
    }

    @_lifetime(self: copy self)
    mutating func count<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type, limit: Int, in production: StaticString
    ) throws(ParseError) -> Int {
        let place = offset
        let count = Int(try integer(type, in: production))
        guard count <= limit else { throw ParseError(.tooMany, in: production, at: place) }
        return count
    }

    @_lifetime(self: copy self)
    mutating func address() throws(ParseError) -> IPAddress {
        let width: Int
        switch try integer(UInt8.self, in: "address family") {
        case 4: width = 4
        case 6: width = 16
        default: throw ParseError(.badAddress, in: "address family", at: offset - 1)
        }
        guard bytes.count - offset >= width, let address = IPAddress(octets: bytes.extracting(offset..<offset + width))
        else { throw ParseError(.truncated, in: "address", at: bytes.count) }
        offset += width
        return address
    }

    @_lifetime(self: copy self)
    mutating func endpoint() throws(ParseError) -> Endpoint {
        let address = try address()
        return Endpoint(address, try integer(UInt16.self, in: "port"))
    }

    @_lifetime(self: copy self)
    mutating func session() throws(ParseError) -> SessionID {
        SessionID(try integer(UInt64.self, in: "session"))
    }

    @_lifetime(self: copy self)
    mutating func sessions() throws(ParseError) -> [SessionID] {
        let count = try count(UInt16.self, limit: GateLimits.sessionsPerRenewal, in: "sessions")
        var sessions: [SessionID] = []
        for _ in 0..<count { sessions.append(try session()) }
        return sessions
    }

    @_lifetime(self: copy self)
    mutating func halfOpen() throws(ParseError) -> [Endpoint] {
        let count = try count(UInt8.self, limit: GateLimits.holesPerSession, in: "half-open")
        var endpoints: [Endpoint] = []
        for _ in 0..<count { endpoints.append(try endpoint()) }
        return endpoints
    }

    @_lifetime(self: copy self)
    mutating func path() throws(ParseError) -> MediaPath {
        let inside = try endpoint()
        return MediaPath(inside: inside, outside: try endpoint())
    }

    @_lifetime(self: copy self)
    mutating func learningPath() throws(ParseError) -> LearningPath {
        let inside = try endpoint()
        let told = try endpoint()
        return LearningPath(inside: inside, told: told, from: try address())
    }

    @_lifetime(self: copy self)
    mutating func holes() throws(ParseError) -> Holes {
        var holes = Holes(halfOpen: try halfOpen())
        let paths = try count(UInt8.self, limit: GateLimits.holesPerSession - holes.count, in: "paths")
        for _ in 0..<paths { holes.paths.append(try path()) }
        let learning = try count(UInt8.self, limit: GateLimits.holesPerSession - holes.count, in: "learning")
        for _ in 0..<learning { holes.learning.append(try learningPath()) }
        let reserved = try count(UInt8.self, limit: GateLimits.holesPerSession - holes.count, in: "reserved")
        for _ in 0..<reserved { holes.reserved.append(try endpoint()) }
        holes.bindings = try bindings()
        return holes
    }

    @_lifetime(self: copy self)
    mutating func bindings() throws(ParseError) -> [EndpointBinding] {
        let count = try count(UInt8.self, limit: GateLimits.holesPerSession, in: "bindings")
        var bindings: [EndpointBinding] = []
        for _ in 0..<count {
            let inside = try endpoint()
            bindings.append(EndpointBinding(inside: inside, external: try endpoint()))
        }
        return bindings
    }

    @_lifetime(self: copy self)
    mutating func optionalEndpoint() throws(ParseError) -> Endpoint? {
        try flag(in: "endpoint present") ? endpoint() : nil
    }

    @_lifetime(self: copy self)
    mutating func traffic() throws(ParseError) -> Traffic {
        let packets = try integer(UInt64.self, in: "packets")
        return Traffic(packets: packets, bytes: try integer(UInt64.self, in: "bytes"))
    }

    @_lifetime(self: copy self)
    mutating func report() throws(ParseError) -> HoleReport {
        var report = HoleReport(session: try session())
        let halfOpen = try count(UInt8.self, limit: GateLimits.holesPerSession, in: "half-open")
        for _ in 0..<halfOpen {
            let inside = try endpoint()
            let external = try optionalEndpoint()
            report.halfOpen.append(HalfOpenReport(inside: inside, external: external, incoming: try traffic()))
        }
        let paths = try count(UInt8.self, limit: GateLimits.holesPerSession - halfOpen, in: "paths")
        for _ in 0..<paths {
            let path = try path()
            let external = try optionalEndpoint()
            let outgoing = try traffic()
            report.paths.append(
                PathReport(path: path, external: external, outgoing: outgoing, incoming: try traffic()))
        }
        let misses = try count(UInt8.self, limit: GateLimits.nearMissesPerReport, in: "near misses")
        for _ in 0..<misses {
            let source = try endpoint()
            let destination = try endpoint()
            report.nearMisses.append(
                NearMiss(
                    source: source, destination: destination, packets: try integer(UInt64.self, in: "packets")))
        }
        return report
    }

    @_lifetime(self: copy self)
    mutating func refusal() throws(ParseError) -> GateRefusal {
        guard let reason = GateRefusal.Reason(rawValue: try integer(UInt8.self, in: "reason")) else {
            throw ParseError(.unsupported, in: "reason", at: offset - 1)
        }
        let errno = Int32(bitPattern: try integer(UInt32.self, in: "errno"))
        return GateRefusal(reason, endpoint: try optionalEndpoint(), errno: errno)
    }

    /// The body of a frame of the kind given.
    @_lifetime(self: copy self)
    mutating func body(_ kind: GateFrame.Kind) throws(ParseError) -> GateFrame.Body {
        switch kind {
        case .hello:
            return .request(.hello(version: try integer(UInt16.self, in: "version")))
        case .openFromAny:
            let session = try session()
            return .request(.openFromAny(session, inside: try halfOpen()))
        case .narrow:
            let session = try session()
            return .request(.narrow(session, try holes()))
        case .close:
            return .request(.close(try session()))
        case .renew:
            return .request(.renew(try sessions()))
        case .list:
            return .request(.list(after: try flag(in: "session present") ? session() : nil))
        case .completed:
            return .reply(.completed)
        case .bound:
            return .reply(.bound(try bindings()))
        case .closed:
            return .reply(.closed(try report()))
        case .refused:
            return .reply(.refused(try refusal()))
        case .renewed:
            let missing = try sessions()
            return .reply(.renewed(missing: missing, silent: try sessions()))
        case .listed:
            let more = try flag(in: "more")
            let count = try count(UInt8.self, limit: GateLimits.reportsPerPage, in: "reports")
            var reports: [HoleReport] = []
            for _ in 0..<count { reports.append(try report()) }
            return .reply(.listed(reports, more: more))
        case .welcome:
            let version = try integer(UInt16.self, in: "version")
            let milliseconds = try integer(UInt32.self, in: "hole timeout")
            return .reply(
                .welcome(
                    version: version, holeTimeout: .milliseconds(Int64(milliseconds)),
                    translates: try flag(in: "translates")))
        }
    }
}
