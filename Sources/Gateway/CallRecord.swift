import SDPText
import SIPText
import Wire

/// What happened in a call, in as few octets as it takes: ten thousand calls each keep one, and hardly any is ever read.
///
/// Each entry is its length (two octets), the milliseconds since the call began (four), what it is (one), and what belongs to
/// that; numbers are big endian.
struct CallRecord: Sendable, Equatable {
    /// Octets of all entries: a call with four offers and answers of two streams comes to a quarter of it.
    static let maximumOctets = 1_024
    /// Entries from the beginning that stay whatever follows: the first offer and its answer.
    static let firstEntries = 6
    /// Streams of a description that are kept, and octets of a reason.
    static let maximumStreams = 8
    static let maximumReason = 120

    private var octets: [UInt8] = []
    /// Where the last entry begins.
    private var last = 0
    /// Entries that were left out since there was no room.
    private(set) var omitted = 0

    /// Adds an entry, unless the last one says the same; the oldest after the first ones makes room.
    mutating func append(_ event: CallEvent) {
        let start = octets.count
        // A call's own entries, so that it does not grow by steps.
        if octets.isEmpty { octets.reserveCapacity(128) }
        var writer = RecordWriter(after: octets)
        // Only one of them may hold the octets, or each entry would copy them all.
        octets = []
        writer.add(UInt16(0))
        writer.add(event.milliseconds)
        writer.add(event.what)
        octets = writer.finish()
        let length = octets.count - start
        octets[start] = UInt8(truncatingIfNeeded: length >> 8)
        octets[start + 1] = UInt8(truncatingIfNeeded: length)
        // What stands after the time.
        if start > 0, octets[(last + 6)..<start] == octets[(start + 6)...] {
            octets.removeSubrange(start...)
            return
        }
        last = start
        while octets.count > Self.maximumOctets, removeOldest() { omitted += 1 }
    }

    /// All entries, the oldest first.
    var events: [CallEvent] {
        var reader = RecordReader(octets)
        var events: [CallEvent] = []
        while !reader.isAtEnd {
            let end = reader.offset + Int(reader.integer(UInt16.self))
            let milliseconds = reader.integer(UInt32.self)
            guard let what = reader.event(), reader.isGood, end <= octets.count else { break }
            events.append(CallEvent(milliseconds: milliseconds, what))
            reader.offset = end
        }
        return events
    }

    private mutating func removeOldest() -> Bool {
        var start = 0
        for _ in 0..<Self.firstEntries where start + 2 <= octets.count { start += length(at: start) }
        guard start + 2 <= octets.count, start + length(at: start) < octets.count else { return false }
        let length = length(at: start)
        octets.removeSubrange(start..<start + length)
        last -= length
        return true
    }

    private func length(at start: Int) -> Int { Int(octets[start]) << 8 | Int(octets[start + 1]) }
}

private enum Kind: UInt8 { case described, said, holes, refused, restored }

extension RecordWriter {
    fileprivate mutating func add(_ what: CallEvent.What) {
        switch what {
        case .described(let party, let label, let isOffer, let isDisclosed, let streams):
            add(Kind.described.rawValue)
            add(party == .callee)
            add(label)
            add(isOffer)
            add(isDisclosed)
            let kept = streams.prefix(CallRecord.maximumStreams)
            add(UInt8(kept.count))
            for stream in kept { add(stream) }
        case .said(let party, let label):
            add(Kind.said.rawValue)
            add(party == .callee)
            add(label)
        case .holes(let halfOpen, let paths):
            add(Kind.holes.rawValue)
            add(UInt8(clamping: halfOpen))
            add(UInt8(clamping: paths))
        case .refused(let label, let why):
            add(Kind.refused.rawValue)
            add(label != nil)
            if let label { add(label) }
            add(Array(why.prefix(CallRecord.maximumReason)))
        case .restored:
            add(Kind.restored.rawValue)
        }
    }

    private mutating func add(_ label: CallEvent.Label) {
        add(label.method.rawValue)
        add(label.status ?? 0)
    }

    /// Kind and direction in one octet, with which endpoints there are.
    private mutating func add(_ stream: CallEvent.Stream) {
        let kind: UInt8 =
            switch stream.kind {
            case .audio: 0
            case .video: 1
            case .other: 2
            }
        let direction: UInt8 =
            switch stream.direction {
            case .sendReceive: 0
            case .sendOnly: 1
            case .receiveOnly: 2
            case .inactive: 3
            }
        add(kind << 4 | direction << 2 | (stream.rtp == nil ? 0 : 1) | (stream.rtcp == nil ? 0 : 2))
        for endpoint in [stream.rtp, stream.rtcp].compactMap({ $0 }) { add(endpoint) }
    }
}

extension RecordReader {
    /// Nil for what is no event.
    fileprivate mutating func event() -> CallEvent.What? {
        guard let kind = Kind(rawValue: byte()) else { return nil }
        switch kind {
        case .described:
            let party = party()
            guard let label = label() else { return nil }
            let (isOffer, isDisclosed) = (flag(), flag())
            var streams: [CallEvent.Stream] = []
            for _ in 0..<byte() { streams.append(stream()) }
            return .described(by: party, in: label, isOffer: isOffer, isDisclosed: isDisclosed, streams: streams)
        case .said:
            let party = party()
            return label().map { .said(by: party, $0) }
        case .holes:
            return .holes(halfOpen: Int(byte()), paths: Int(byte()))
        case .refused:
            let label = flag() ? label() : nil
            return .refused(label, why: string())
        case .restored:
            return .restored
        }
    }

    private mutating func party() -> Party { flag() ? .callee : .caller }

    private mutating func label() -> CallEvent.Label? {
        let method = Method(rawValue: byte())
        let status = integer(UInt16.self)
        return method.map { CallEvent.Label($0, status: status == 0 ? nil : status) }
    }

    private mutating func stream() -> CallEvent.Stream {
        let head = Int(byte())
        let kinds: [MediaKind] = [.audio, .video, .other]
        let directions: [Direction] = [.sendReceive, .sendOnly, .receiveOnly, .inactive]
        return CallEvent.Stream(
            kind: kinds[min(head >> 4, 2)], direction: directions[head >> 2 & 3],
            rtp: head & 1 == 0 ? nil : endpoint(), rtcp: head & 2 == 0 ? nil : endpoint())
    }
}
