import SIPText
public import SIPTransactions
public import Wire

/// One place where a user can be reached: a row of the location service (RFC 3261 section 10, RFC 3327, RFC 5626).
public struct Binding: Hashable, Sendable {
    /// The contact's URI: the Request-URI of a request that is sent there.
    public var contact: [UInt8]
    /// How much the user wants to be reached there, in thousandths.
    public var q: UInt16
    /// When the binding ends.
    public var expires: MonotonicTime
    /// The Call-ID of the REGISTER that made or refreshed it.
    public var callID: [UInt8]
    /// Its CSeq number.
    public var sequence: UInt32
    /// The Path values from the top: the Route of a request that is sent there (RFC 3327 section 5.4).
    public var path: [[UInt8]] = []
    /// The phone, by its `+sip.instance` with angle brackets (RFC 5626 section 4.1).
    public var instance: [UInt8]?
    /// Which of the phone's flows it is. Only with an instance, and only when outbound was agreed on: the request then has
    /// to go by `flow`, or by the path (RFC 5626 section 5.3).
    public var flowNumber: UInt32?
    /// The way the REGISTER came.
    public var flow: Flow

    /// A binding without Path and outbound.
    public init(
        contact: [UInt8], q: UInt16 = 1_000, expires: MonotonicTime, callID: [UInt8], sequence: UInt32, flow: Flow
    ) {
        self.contact = contact
        self.q = q
        self.expires = expires
        self.callID = callID
        self.sequence = sequence
        self.flow = flow
    }
}

extension Binding {
    /// Whether both are the same row: the same flow of the same phone (RFC 5626 section 6), or else the same contact by the
    /// rules of URI comparison (RFC 3261 section 10.3, step 7).
    func isSameRow(as other: Binding) -> Bool {
        if let flowNumber, let instance {
            return other.flowNumber == flowNumber && other.instance == instance
        }
        return other.flowNumber == nil && Self.sameURI(contact, other.contact)
    }

    static func sameURI(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        if a == b { return true }
        let (left, right) = (a.span, b.span)
        guard let first = try? URI(in: left, Slice(0..<a.count)), let second = try? URI(in: right, Slice(0..<b.count))
        else { return false }
        return first.isEquivalent(in: left, to: second, in: right)
    }
}
