/// One frame on the stream between `sekishod` and the gate.
///
/// All numbers are big endian:
/// ```
/// u32 length      octets that follow, 5 to GateLimits.frameOctets
/// u8  kind        GateFrame.Kind
/// u32 request id  chosen by the asker; the reply carries the same
/// ... body        by kind; fixed layout, counts before lists, nothing may follow
///
/// endpoint: u8 family (4 or 6), 4 or 16 octets of address, u16 port
/// holes:    u8 count, endpoints (half-open); u8 count, pairs of endpoints (inside, outside); u8 count, learning;
///           u8 count, endpoints (reserved); u8 count, pairs of endpoints (inside, external)
/// learning: endpoints (inside, told), u8 family, 4 or 16 octets of address (from)
/// ```
public struct GateFrame: Hashable, Sendable {
    /// The protocol version of this release, for `hello` and `welcome`.
    public static let version: UInt16 = 5

    /// Octets of kind and request id, the shortest frame.
    static let headerOctets = 5

    /// A request or a reply.
    public enum Body: Hashable, Sendable {
        case request(GateRequest)
        case reply(GateReply)
    }

    /// Chosen by the asker and repeated in the reply.
    public var id: UInt32
    /// The request or reply that the frame carries.
    public var body: Body

    /// A frame with this request id and body.
    public init(id: UInt32, _ body: Body) {
        self.id = id
        self.body = body
    }

    /// The frame of a request.
    public static func request(_ request: GateRequest, id: UInt32) -> GateFrame { GateFrame(id: id, .request(request)) }

    /// The frame of a reply.
    public static func reply(_ reply: GateReply, id: UInt32) -> GateFrame { GateFrame(id: id, .reply(reply)) }

    /// The kinds of frame; replies have the top bit set.
    enum Kind: UInt8, CaseIterable {
        case hello = 0x01
        case openFromAny = 0x02
        case narrow = 0x03
        case close = 0x04
        case renew = 0x05
        case list = 0x06
        case completed = 0x81
        case refused = 0x82
        case renewed = 0x83
        case listed = 0x84
        case welcome = 0x85
        case bound = 0x86
        case closed = 0x87
    }
}
