public import GateProtocol
import SIPTransactions
import Wire

/// What of a session outlives the process that carries it: enough to go on with the call, nothing that has to do with a
/// transaction or a connection, which end with the process, and no key.
///
/// In octets: a version, the fields in their order (integers big-endian, octet strings behind their length), and a sum over
/// all of it. What was altered, or is of another version, is no record.
public struct SessionRecord: Sendable, Equatable {
    /// The session's number at the gate.
    public let id: SessionID
    /// The call's Call-ID: calls are shared out by it.
    public let callID: [UInt8]
    /// What is known of a call that a 2xx has made; nil while it is being set up, when it ends with the process.
    var call: Lasting?

    /// A party of the call in a dialog that a 2xx has made.
    struct Fork: Sendable, Equatable {
        var tag: [UInt8]
        var address: IPAddress
    }

    /// What a BYE to one end needs; see `DialogEnd`.
    struct End: Sendable, Equatable {
        var address: [UInt8]
        var target: [UInt8]
        var routes: [[UInt8]]
        var transport: TransportKind
        var remote: Endpoint
        var serverName: [UInt8]
    }

    /// What is known of a call that was answered.
    struct Lasting: Sendable, Equatable {
        /// BYE came: nothing may be open, and its copies must still find their way.
        var isOver: Bool
        /// Keys were held, which nobody has any more.
        var hadKeys: Bool
        var reading: Reading
        var startedAt: MonotonicTime
        /// When the session timer runs out; nil without one.
        var expires: MonotonicTime?
        var user: [UInt8]
        var from: [UInt8]
        var to: [UInt8]
        var callerTag: [UInt8]
        var caller: IPAddress
        /// The first that answered; none where media does not come by.
        var callee: [Fork]
        var callees: [IPAddress]
        var forks: [Fork]
        /// The caller's, then the callee's.
        var sequences: [UInt32]
        /// The caller's and the callee's, or none.
        var ends: [End]
        var paths: [AgreedPath]
        var direct: [Endpoint]
        var bindings: [EndpointBinding]
    }

    /// Octets of one record at most: a call has a kilobyte. From and To are as long as a phone makes them; who makes them
    /// longer has a call that ends with the process.
    public static let maximumOctets = 8_192
    private static let version: UInt8 = 1
    /// The version with paths that are learned; a call without such is written as before.
    private static let learningVersion: UInt8 = 2

    init(id: SessionID, callID: [UInt8], call: Lasting?) {
        self.id = id
        self.callID = callID
        self.call = call
    }

    /// Whether the call was answered: one that was being set up has lost its transactions and cannot go on.
    public var isEstablished: Bool { call != nil }

    /// The record as it is written; nil when it would be too long.
    public var octets: [UInt8]? {
        var writer = RecordWriter()
        let isLearning = call?.paths.contains { $0.learnedFrom != nil } ?? false
        writer.add(isLearning ? Self.learningVersion : Self.version)
        writer.add(id.value)
        writer.add(callID)
        writer.add(call != nil)
        call?.write(to: &writer, isLearning: isLearning)
        guard writer.octets.count + 8 <= Self.maximumOctets else { return nil }
        writer.add(Self.sum(writer.octets.span))
        return writer.octets
    }

    /// Reads a record; nil when it is none, or not as it was written.
    public init?(octets: [UInt8]) {
        guard octets.count <= Self.maximumOctets, octets.count > 8 else { return nil }
        var reader = RecordReader(octets)
        let version = reader.byte()
        guard version == Self.version || version == Self.learningVersion else { return nil }
        id = SessionID(reader.integer(UInt64.self))
        callID = reader.string()
        call = reader.flag() ? Lasting(from: &reader, isLearning: version == Self.learningVersion) : nil
        let end = reader.offset
        let sum = reader.integer(UInt64.self)
        guard reader.isGood, reader.isAtEnd, sum == Self.sum(octets.span.extracting(..<end)) else { return nil }
    }

    /// The sum of a record that was written: two of one session with the same sum say the same.
    static func sum(of record: [UInt8]) -> UInt64 {
        var reader = RecordReader(record)
        reader.offset = max(0, record.count - 8)
        return reader.integer(UInt64.self)
    }

    /// It finds what chance has altered. Nobody but the owner can write the file.
    private static func sum(_ octets: Span<UInt8>) -> UInt64 {
        var hash = SipHash(key: (0, 0))
        hash.add(octets)
        return hash.finish()
    }
}

extension SessionRecord.Lasting {
    fileprivate func write(to writer: inout RecordWriter, isLearning: Bool) {
        writer.add(isOver)
        writer.add(hadKeys)
        writer.add(reading.code)
        writer.add(UInt64(bitPattern: startedAt.nanoseconds))
        writer.add(UInt64(bitPattern: expires?.nanoseconds ?? 0))
        for octets in [user, from, to, callerTag] { writer.add(octets) }
        writer.add(caller)
        for forks in [callee, forks] {
            writer.add(forks) {
                $0.add($1.tag)
                $0.add($1.address)
            }
        }
        writer.add(callees) { $0.add($1) }
        writer.add(sequences) { $0.add($1) }
        writer.add(ends) {
            $0.add($1.address)
            $0.add($1.target)
            $0.add($1.routes) { $0.add($1) }
            $0.add($1.transport.rawValue)
            $0.add($1.remote)
            $0.add($1.serverName)
        }
        writer.add(paths) {
            $0.add($1.path.inside)
            $0.add($1.path.outside)
        }
        if isLearning {
            // One for each path: none, or the address.
            writer.add(paths) {
                $0.add($1.learnedFrom != nil)
                if let address = $1.learnedFrom { $0.add(address) }
            }
        }
        writer.add(direct) { $0.add($1) }
        writer.add(bindings) {
            $0.add($1.inside)
            $0.add($1.external)
        }
    }

    fileprivate init(from reader: inout RecordReader, isLearning: Bool) {
        isOver = reader.flag()
        hadKeys = reader.flag()
        reading = Reading(code: reader.byte()) ?? .closed
        startedAt = MonotonicTime(nanoseconds: Int64(bitPattern: reader.integer(UInt64.self)))
        let expires = Int64(bitPattern: reader.integer(UInt64.self))
        self.expires = expires == 0 ? nil : MonotonicTime(nanoseconds: expires)
        user = reader.string()
        from = reader.string()
        to = reader.string()
        callerTag = reader.string()
        caller = reader.address()
        callee = reader.list { SessionRecord.Fork(tag: $0.string(), address: $0.address()) }
        forks = reader.list { SessionRecord.Fork(tag: $0.string(), address: $0.address()) }
        callees = reader.list { $0.address() }
        sequences = reader.list { $0.integer(UInt32.self) }
        ends = reader.list { reader in
            let (address, target) = (reader.string(), reader.string())
            let routes = reader.list { $0.string() }
            let transport = TransportKind(rawValue: reader.byte())
            if transport == nil { reader.isGood = false }
            return SessionRecord.End(
                address: address, target: target, routes: routes, transport: transport ?? .udp,
                remote: reader.endpoint(), serverName: reader.string())
        }
        paths = reader.list { AgreedPath(MediaPath(inside: $0.endpoint(), outside: $0.endpoint())) }
        if isLearning {
            let sources = reader.list { $0.flag() ? $0.address() : nil }
            if sources.count != paths.count { reader.isGood = false }
            for (index, source) in sources.enumerated() where index < paths.count { paths[index].learnedFrom = source }
        }
        direct = reader.list { $0.endpoint() }
        bindings = reader.list { EndpointBinding(inside: $0.endpoint(), external: $0.endpoint()) }
        if sequences.count != 2 || !(ends.isEmpty || ends.count == 2) || callees.isEmpty { reader.isGood = false }
    }
}

extension Reading {
    /// What it is in a record.
    fileprivate var code: UInt8 {
        switch self {
        case .none: 0
        case .plain: 1
        case .disclosed: 2
        case .closed: 3
        }
    }

    fileprivate init?(code: UInt8) {
        switch code {
        case 0: self = .none
        case 1: self = .plain
        case 2: self = .disclosed
        case 3: self = .closed
        case _: return nil
        }
    }
}
