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

    private enum Kind: UInt8 { case described, said, holes, refused, restored }

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
        octets += [0, 0]
        put(event.milliseconds)
        put(event.what)
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
        var reader = Reader(octets)
        var events: [CallEvent] = []
        while let length = reader.number(2), length >= 7 {
            let end = reader.offset + length - 2
            if let event = reader.event() { events.append(event) }
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

    // MARK: Writing

    private mutating func put(_ what: CallEvent.What) {
        switch what {
        case .described(let party, let label, let isOffer, let isDisclosed, let streams):
            octets.append(Kind.described.rawValue)
            octets.append((party == .callee ? 1 : 0) | (isOffer ? 2 : 0) | (isDisclosed ? 4 : 0))
            put(label)
            octets.append(UInt8(min(streams.count, Self.maximumStreams)))
            for stream in streams.prefix(Self.maximumStreams) { put(stream) }
        case .said(let party, let label):
            octets.append(Kind.said.rawValue)
            octets.append(party == .callee ? 1 : 0)
            put(label)
        case .holes(let halfOpen, let paths):
            octets.append(Kind.holes.rawValue)
            octets.append(UInt8(clamping: halfOpen))
            octets.append(UInt8(clamping: paths))
        case .refused(let label, let why):
            octets.append(Kind.refused.rawValue)
            octets.append(label == nil ? 0 : 1)
            if let label { put(label) }
            octets.append(UInt8(min(why.count, Self.maximumReason)))
            octets += why.prefix(Self.maximumReason)
        case .restored: octets.append(Kind.restored.rawValue)
        }
    }

    private mutating func put(_ number: UInt32) {
        for shift in [24, 16, 8, 0] { octets.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    private mutating func put(_ label: CallEvent.Label) {
        octets.append(label.method.rawValue)
        let status = label.status ?? 0
        octets.append(UInt8(status >> 8))
        octets.append(UInt8(truncatingIfNeeded: status))
    }

    private mutating func put(_ stream: CallEvent.Stream) {
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
        octets.append(kind << 4 | direction << 2 | (stream.rtp == nil ? 0 : 1) | (stream.rtcp == nil ? 0 : 2))
        for endpoint in [stream.rtp, stream.rtcp].compactMap({ $0 }) {
            octets.append(endpoint.address.isIPv6 ? 16 : 4)
            endpoint.address.appendOctets(to: &octets)
            octets.append(UInt8(endpoint.port >> 8))
            octets.append(UInt8(truncatingIfNeeded: endpoint.port))
        }
    }

    // MARK: Reading

    /// Reads what was written here; nil at the end of it.
    private struct Reader {
        private let octets: [UInt8]
        var offset = 0

        init(_ octets: [UInt8]) { self.octets = octets }

        mutating func number(_ width: Int) -> Int? {
            guard octets.count - offset >= width else { return nil }
            var value = 0
            for _ in 0..<width {
                value = value << 8 | Int(octets[offset])
                offset += 1
            }
            return value
        }

        mutating func event() -> CallEvent? {
            guard let milliseconds = number(4), let what = what() else { return nil }
            return CallEvent(milliseconds: UInt32(milliseconds), what)
        }

        private mutating func what() -> CallEvent.What? {
            guard let number = number(1), let kind = Kind(rawValue: UInt8(number)) else { return nil }
            switch kind {
            case .described:
                guard let flags = self.number(1), let label = label(), let count = self.number(1) else { return nil }
                var streams: [CallEvent.Stream] = []
                for _ in 0..<count { if let stream = stream() { streams.append(stream) } }
                return .described(
                    by: flags & 1 == 0 ? .caller : .callee, in: label, isOffer: flags & 2 != 0,
                    isDisclosed: flags & 4 != 0, streams: streams)
            case .said:
                guard let party = self.number(1), let label = label() else { return nil }
                return .said(by: party == 0 ? .caller : .callee, label)
            case .holes:
                guard let halfOpen = self.number(1), let paths = self.number(1) else { return nil }
                return .holes(halfOpen: halfOpen, paths: paths)
            case .refused:
                guard let hasLabel = self.number(1) else { return nil }
                let label = hasLabel == 0 ? nil : label()
                guard let count = self.number(1), octets.count - offset >= count else { return nil }
                defer { offset += count }
                return .refused(label, why: Array(octets[offset..<offset + count]))
            case .restored: return .restored
            }
        }

        private mutating func label() -> CallEvent.Label? {
            guard let number = number(1), let method = Method(rawValue: UInt8(number)), let status = self.number(2)
            else { return nil }
            return CallEvent.Label(method, status: status == 0 ? nil : UInt16(status))
        }

        private mutating func stream() -> CallEvent.Stream? {
            guard let head = number(1) else { return nil }
            let kinds: [MediaKind] = [.audio, .video, .other]
            let directions: [Direction] = [.sendReceive, .sendOnly, .receiveOnly, .inactive]
            return CallEvent.Stream(
                kind: kinds[min(head >> 4, 2)], direction: directions[head >> 2 & 3],
                rtp: head & 1 == 0 ? nil : endpoint(), rtcp: head & 2 == 0 ? nil : endpoint())
        }

        private mutating func endpoint() -> Endpoint? {
            guard let width = number(1), octets.count - offset >= width,
                let address = IPAddress(octets: octets.span.extracting(offset..<offset + width))
            else { return nil }
            offset += width
            return number(2).map { Endpoint(address, UInt16($0)) }
        }
    }
}
