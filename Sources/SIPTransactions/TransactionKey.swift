import SIPText
import Wire

/// What makes two messages belong to one transaction, as octets (RFC 3261 sections 17.1.3 and 17.2.3).
///
/// Branch, sent-by with its port, and method; an ACK has the key of its INVITE. Requests whose branch lacks the magic
/// cookie come from implementations of RFC 2543 and are matched by that section's second rule: Request-URI, From tag,
/// Call-ID, CSeq, the whole topmost Via, and the To tag too, except for INVITE and ACK, which differ in it.
///
/// Two keys are equal when their octets are. The hash is the standard library's, seeded anew in each process, so that
/// no sender can choose branches that fall on one bucket.
struct TransactionKey: Hashable, Sendable {
    private let octets: [UInt8]
    /// The octets' hash, which every look-up, insertion and removal wants; also that of a neighbour in the table.
    private let hash: Int

    /// The key of a request on the server's side.
    ///
    /// - Parameter method: the method to look under instead of the request's own: a CANCEL asks for its INVITE.
    /// - Returns: nil without a Via that can be read.
    init?(server request: Message, as method: Method? = nil) {
        guard let slice = request.firstValue(of: .via), let via = try? Via(in: request.bytes.span, slice) else {
            return nil
        }
        let branch = request.octets(via.branch(in: request.bytes.span))
        let methodToMatch = method ?? (request.cseq.method == .ack ? .invite : request.cseq.method)
        var octets: [UInt8] = []
        if Self.hasCookie(branch) {
            octets.reserveCapacity(branch.count + via.host.count + 16)
            Self.append(via, branch, of: request, to: &octets)
        } else {
            // No branch with the cookie begins with the separator.
            octets.append(Self.separator)
            if let uri = request.requestURI { Self.append(request.octets(uri), to: &octets) }
            octets.append(Self.separator)
            if methodToMatch != .invite, let tag = request.tag(of: .to) {
                Self.append(request.octets(tag), to: &octets)
            }
            octets.append(Self.separator)
            if let tag = request.tag(of: .from) { Self.append(request.octets(tag), to: &octets) }
            octets.append(Self.separator)
            if let callID = request.value(of: .callID) { Self.append(request.octets(callID), to: &octets) }
            octets.append(Self.separator)
            ASCII.append(decimal: UInt64(request.cseq.number), to: &octets)
            octets.append(Self.separator)
            Self.append(request.octets(slice), to: &octets)
            octets.append(Self.separator)
        }
        if methodToMatch == .other {
            Self.append(request.octets(request.cseq.methodText), to: &octets)
        } else {
            octets.append(literal: methodToMatch.name)
        }
        self.init(octets)
    }

    /// The key on the client's side, of the request or of a response to it.
    ///
    /// sent-by is part of it, so a response to somebody else's Via matches nothing (section 18.1.2).
    ///
    /// - Returns: nil without a Via that can be read or when it has no branch.
    init?(client message: Message) {
        guard let via = message.topVia else { return nil }
        let branch = message.octets(via.branch(in: message.bytes.span))
        guard !branch.isEmpty else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(branch.count + via.host.count + 16)
        Self.append(via, branch, of: message, to: &octets)
        Self.append(message.octets(message.cseq.methodText), to: &octets)
        self.init(octets)
    }

    private init(_ octets: [UInt8]) {
        self.octets = octets
        var hasher = Hasher()
        octets.withUnsafeBytes { hasher.combine(bytes: $0) }
        hash = hasher.finalize()
    }

    static func == (a: TransactionKey, b: TransactionKey) -> Bool { a.hash == b.hash && a.octets == b.octets }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    /// The same 64 bits for the same key in every process (FNV-1a): for tags that must come out alike for a
    /// retransmission, not for look-ups.
    var fingerprint: UInt64 {
        octets.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    /// A line end is in no part of a message that was read.
    private static let separator = ASCII.lf

    private static func hasCookie(_ branch: Span<UInt8>) -> Bool {
        let count = Via.magicCookie.utf8CodeUnitCount
        return branch.count > count && ASCII.equalIgnoringCase(branch.extracting(0..<count), Via.magicCookie)
    }

    /// Branch, host in lower case, and the port in two octets; a port that is left out is not the default port.
    private static func append(_ via: Via, _ branch: Span<UInt8>, of message: Message, to octets: inout [UInt8]) {
        append(branch, to: &octets)
        octets.append(separator)
        let host = message.octets(via.host)
        for index in 0..<host.count { octets.append(ASCII.lowercase(host[index])) }
        octets.append(separator)
        let port = via.port ?? 0
        octets.append(UInt8(truncatingIfNeeded: port >> 8))
        octets.append(UInt8(truncatingIfNeeded: port))
    }

    private static func append(_ part: Span<UInt8>, to octets: inout [UInt8]) {
        part.withUnsafeBufferPointer { octets.append(contentsOf: $0) }
    }
}
