public import SDPText
public import SIPText
public import Wire

/// One of the two ends of a call.
public enum Party: Hashable, Sendable {
    /// Who sent the INVITE that began it.
    case caller
    /// Who answers it.
    case callee

    var other: Party { self == .caller ? .callee : .caller }
}

/// Something that happened in a call, for whoever asks later why it went as it did. No event carries a body, a key or a
/// credential.
public struct CallEvent: Hashable, Sendable {
    /// A message by its method, and its status where it is a response.
    public struct Label: Hashable, Sendable {
        /// The method of the request, or of the one that is answered.
        public var method: Method
        /// The status of a response; nil for a request.
        public var status: UInt16?

        /// A request, or a response to one.
        public init(_ method: Method, status: UInt16? = nil) {
            self.method = method
            self.status = status
        }
    }

    /// A stream of a session description.
    public struct Stream: Hashable, Sendable {
        /// Audio, video or something else.
        public var kind: MediaKind
        /// Whether it is sent, received, both or neither.
        public var direction: Direction
        /// Where its packets are to go; nil when nowhere: refused, held by address, or by no way that a hole is for.
        public var rtp: Endpoint?
        /// Where its RTCP is to go, when that is elsewhere.
        public var rtcp: Endpoint?

        /// A stream to these endpoints.
        public init(kind: MediaKind, direction: Direction, rtp: Endpoint?, rtcp: Endpoint? = nil) {
            self.kind = kind
            self.direction = direction
            self.rtp = rtp
            self.rtcp = rtcp
        }
    }

    /// What happened.
    public enum What: Hashable, Sendable {
        /// A party said where its media goes.
        case described(by: Party, in: Label, isOffer: Bool, isDisclosed: Bool, streams: [Stream])
        /// A party answered an INVITE, or ended a call, without saying so.
        case said(by: Party, Label)
        /// The gate confirmed that so much is open.
        case holes(halfOpen: Int, paths: Int)
        /// A message was refused, or what was in the envelope of the last one.
        case refused(Label?, why: [UInt8])
        /// Another process goes on with the call: what happened before is not known any more.
        case restored
    }

    /// Whole milliseconds since the call began.
    public var milliseconds: UInt32
    /// What happened then.
    public var what: What

    /// Something that happened so long after the beginning.
    public init(milliseconds: UInt32, _ what: What) {
        self.milliseconds = milliseconds
        self.what = what
    }
}

extension CallEvent.Stream {
    /// The streams of a session description.
    static func streams(of description: SessionDescription) -> [CallEvent.Stream] {
        zip(description.media, description.targets).map { media, target in
            guard case .transport(let rtp, let rtcp) = target else {
                return CallEvent.Stream(kind: media.kind, direction: media.direction, rtp: nil)
            }
            return CallEvent.Stream(kind: media.kind, direction: media.direction, rtp: rtp, rtcp: rtcp)
        }
    }
}
