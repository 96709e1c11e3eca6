public import Wire

/// Writes frames.
public enum FrameEncoder {
    /// Appends the frame to what is to be sent.
    ///
    /// - Throws: `tooMany` when a list is longer than its limit in `GateLimits`, `badNumber` when a duration does not
    ///   fit; the output is then as it was.
    public static func append(_ frame: GateFrame, to output: inout [UInt8]) throws(ParseError) {
        let start = output.count
        do throws(ParseError) {
            output.append(integer: UInt32(0))
            switch frame.body {
            case .request(let request): try append(request, id: frame.id, to: &output)
            case .reply(let reply): try append(reply, id: frame.id, to: &output)
            }
            let length = output.count - start - 4
            guard length <= GateLimits.frameOctets else { throw ParseError(.tooLong, in: "frame", at: start) }
            for index in 0..<4 { output[start + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index)) }
        } catch {
            output.removeSubrange(start...)
            throw error
        }
    }

    private static func append(
        _ request: GateRequest, id: UInt32, to output: inout [UInt8]
    ) throws(ParseError) {
        switch request {
        case .hello(let version):
            output.append(.hello, id)
            output.append(integer: version)
        case .openFromAny(let session, let inside):
            output.append(.openFromAny, id)
            output.append(integer: session.value)
            try output.append(count: inside.count, limit: GateLimits.holesPerSession, as: UInt8.self, in: "half-open")
            for endpoint in inside { output.append(endpoint) }
        case .narrow(let session, let holes):
            output.append(.narrow, id)
            output.append(integer: session.value)
            try output.append(holes)
        case .close(let session):
            output.append(.close, id)
            output.append(integer: session.value)
        case .renew(let sessions):
            output.append(.renew, id)
            try output.append(
                count: sessions.count, limit: GateLimits.sessionsPerRenewal, as: UInt16.self, in: "sessions")
            for session in sessions { output.append(integer: session.value) }
        case .list(let after):
            output.append(.list, id)
            output.append(after == nil ? 0 : 1)
            if let after { output.append(integer: after.value) }
        }
    }

    private static func append(
        _ reply: GateReply, id: UInt32, to output: inout [UInt8]
    ) throws(ParseError) {
        switch reply {
        case .completed:
            output.append(.completed, id)
        case .bound(let bindings):
            output.append(.bound, id)
            try output.append(bindings)
        case .closed(let report):
            output.append(.closed, id)
            try output.append(report)
        case .refused(let refusal):
            output.append(.refused, id)
            output.append(refusal.reason.rawValue)
            output.append(integer: UInt32(bitPattern: refusal.errno))
            output.append(optional: refusal.endpoint)
        case .renewed(let missing, let silent):
            output.append(.renewed, id)
            for sessions in [missing, silent] {
                try output.append(
                    count: sessions.count, limit: GateLimits.sessionsPerRenewal, as: UInt16.self, in: "sessions")
                for session in sessions { output.append(integer: session.value) }
            }
        case .listed(let reports, let more):
            output.append(.listed, id)
            output.append(more ? 1 : 0)
            try output.append(count: reports.count, limit: GateLimits.reportsPerPage, as: UInt8.self, in: "reports")
            for report in reports { try output.append(report) }
        case .welcome(let version, let holeTimeout, let translates):
            output.append(.welcome, id)
            output.append(integer: version)
            guard let milliseconds = UInt32(exactly: holeTimeout.wholeNanoseconds / 1_000_000) else {
                throw ParseError(.badNumber, in: "hole timeout", at: output.count)
            }
            output.append(integer: milliseconds)
            output.append(translates ? 1 : 0)
        }
    }
}

extension [UInt8] {
    mutating func append(integer value: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    fileprivate mutating func append(_ kind: GateFrame.Kind, _ id: UInt32) {
        append(kind.rawValue)
        append(integer: id)
    }

    fileprivate mutating func append<Width: FixedWidthInteger & UnsignedInteger>(
        count: Int, limit: Int, as width: Width.Type, in production: StaticString
    ) throws(ParseError) {
        guard count <= limit, let value = Width(exactly: count) else {
            throw ParseError(.tooMany, in: production, at: self.count)
        }
        append(integer: value)
    }

    fileprivate mutating func append(_ endpoint: Endpoint) {
        append(endpoint.address)
        append(integer: endpoint.port)
    }

    fileprivate mutating func append(_ address: IPAddress) {
        append(address.isIPv6 ? 6 : 4)
        address.appendOctets(to: &self)
    }

    fileprivate mutating func append(_ path: MediaPath) {
        append(path.inside)
        append(path.outside)
    }

    fileprivate mutating func append(_ holes: Holes) throws(ParseError) {
        var room = GateLimits.holesPerSession
        try append(count: holes.halfOpen.count, limit: room, as: UInt8.self, in: "half-open")
        for endpoint in holes.halfOpen { append(endpoint) }
        room -= holes.halfOpen.count
        try append(count: holes.paths.count, limit: room, as: UInt8.self, in: "paths")
        for path in holes.paths { append(path) }
        room -= holes.paths.count
        try append(count: holes.learning.count, limit: room, as: UInt8.self, in: "learning")
        for path in holes.learning {
            append(path.inside)
            append(path.told)
            append(path.from)
        }
        room -= holes.learning.count
        try append(count: holes.reserved.count, limit: room, as: UInt8.self, in: "reserved")
        for endpoint in holes.reserved { append(endpoint) }
        try append(holes.bindings)
    }

    fileprivate mutating func append(_ bindings: [EndpointBinding]) throws(ParseError) {
        try append(count: bindings.count, limit: GateLimits.holesPerSession, as: UInt8.self, in: "bindings")
        for binding in bindings {
            append(binding.inside)
            append(binding.external)
        }
    }

    fileprivate mutating func append(optional endpoint: Endpoint?) {
        append(endpoint == nil ? 0 : 1)
        if let endpoint { append(endpoint) }
    }

    fileprivate mutating func append(_ traffic: Traffic) {
        append(integer: traffic.packets)
        append(integer: traffic.bytes)
    }

    fileprivate mutating func append(_ report: HoleReport) throws(ParseError) {
        append(integer: report.session.value)
        try append(count: report.halfOpen.count, limit: GateLimits.holesPerSession, as: UInt8.self, in: "half-open")
        for entry in report.halfOpen {
            append(entry.inside)
            append(optional: entry.external)
            append(entry.incoming)
        }
        try append(
            count: report.paths.count, limit: GateLimits.holesPerSession - report.halfOpen.count, as: UInt8.self,
            in: "paths")
        for entry in report.paths {
            append(entry.path)
            append(optional: entry.external)
            append(entry.outgoing)
            append(entry.incoming)
        }
        try append(
            count: report.nearMisses.count, limit: GateLimits.nearMissesPerReport, as: UInt8.self, in: "near misses")
        for miss in report.nearMisses {
            append(miss.source)
            append(miss.destination)
            append(integer: miss.packets)
        }
    }
}
