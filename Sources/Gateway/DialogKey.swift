import SIPText
import Wire

/// Finds a session by what both ends of its dialog carry: the Call-ID and the caller's tag.
///
/// Its octets are slices of a buffer: of the message that asks, which costs nothing, or of the key's own, which the table
/// keeps. The hash is the standard library's, seeded anew in each process.
struct DialogKey: Hashable, Sendable {
    private let bytes: [UInt8]
    private let callIDSlice: Slice
    private let tagSlice: Slice
    private let hash: Int

    /// The key of a message whose tag in that field is the caller's; nil without Call-ID.
    init?(_ message: Message, callersTag name: HeaderName) {
        guard let callID = message.value(of: .callID) else { return nil }
        self.init(bytes: message.bytes, callID: callID, tag: message.tag(of: name) ?? .empty)
    }

    /// The key of a call whose Call-ID and caller's tag are known.
    init(callID: [UInt8], tag: [UInt8]) {
        self.init(
            bytes: callID + tag, callID: Slice(0, callID.count), tag: Slice(callID.count, callID.count + tag.count))
    }

    private init(bytes: [UInt8], callID: Slice, tag: Slice) {
        self.bytes = bytes
        callIDSlice = callID
        tagSlice = tag
        var hasher = Hasher()
        bytes.withUnsafeBytes { bytes in
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes[callID.range]))
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes[tag.range]))
        }
        hash = hasher.finalize()
    }

    /// The same key, in a buffer that holds nothing else.
    var owned: DialogKey {
        let callID = Slice(0, callIDSlice.count)
        return DialogKey(
            bytes: Array(bytes[callIDSlice.range]) + bytes[tagSlice.range], callID: callID,
            tag: Slice(callID.count, callID.count + tagSlice.count))
    }

    /// The Call-ID's octets.
    var callID: [UInt8] { Array(bytes[callIDSlice.range]) }

    /// The octets of the caller's tag; none for a phone of RFC 2543.
    var callersTag: [UInt8] { Array(bytes[tagSlice.range]) }

    /// Whether these are the octets of the caller's tag; a phone of RFC 2543 has none.
    func hasTag(_ octets: Span<UInt8>) -> Bool { ASCII.equal(bytes.span.extracting(tagSlice.range), octets) }

    var hasEmptyTag: Bool { tagSlice.isEmpty }

    static func == (a: DialogKey, b: DialogKey) -> Bool {
        a.hash == b.hash
            && ASCII.equal(a.bytes.span.extracting(a.callIDSlice.range), b.bytes.span.extracting(b.callIDSlice.range))
            && b.hasTag(a.bytes.span.extracting(a.tagSlice.range))
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}
