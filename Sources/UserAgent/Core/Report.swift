public import SIPText
import SIPTransactions
import Wire

/// One call of a device.
public struct CallNumber: Hashable, Sendable {
    /// Counted from 1, for each device.
    public let value: Int
}

/// What happened, for people and for tests. Nothing here is secret: no body, no key.
public enum Report: Sendable, Equatable {
    case listening(Listener)
    /// The INVITE went out, or came in.
    case began(CallNumber, CallRole, callID: String)
    /// A session description crossed: how it was protected.
    case body(CallNumber, BodyReport)
    /// A provisional response was sent or received.
    case progress(CallNumber, status: UInt16)
    /// A 496 was received, its certificate accepted, and the INVITE is sent again for this server too.
    case retrying(CallNumber, host: String)
    case established(CallNumber)
    /// A re-INVITE was accepted, by us or by the peer.
    case renegotiated(CallNumber)
    /// RTP or RTCP packets in one phase and direction. One report for each that has packets, when the call has ended.
    case packets(CallNumber, PacketReport)
    /// What the numbering of the received stream tells.
    case stream(CallNumber, StreamReport)
    /// The call is over; its media sockets are still open when they are to be.
    case ended(CallNumber, Ending)
}

/// Which side of a call this device is.
public enum CallRole: String, Sendable { case caller, callee }

/// Sent by this device, or received.
public enum Way: String, Sendable { case sent, received }

/// Where a call stands when a packet is sent or received.
public enum MediaPhase: String, Sendable, CaseIterable {
    /// Before the 2xx.
    case early
    /// From the 2xx to BYE.
    case call
    /// From BYE on.
    case afterBye = "after-bye"
}

/// How one session description crossed.
public struct BodyReport: Sendable, Equatable {
    /// Whether this device sent it.
    public var way: Way
    /// INVITE, or the status of the response that carried it.
    public var carrier: Carrier
    /// How it was protected.
    public var form: BodyForm
    /// What the content encryption key was found with.
    public var key: KeyOrigin
    /// The CEKReference that the message names or brings.
    public var reference: [UInt8]?
    /// Octets of the body as it crossed.
    public var octets: Int

    /// The kind of message that a description stands in.
    public enum Carrier: Sendable, Equatable {
        case request(Method)
        case response(UInt16)
    }
}

/// The form of a body.
public struct BodyForm: Sendable, Equatable {
    /// In the clear, or the content type of the CMS body (RFC 5652, RFC 5083).
    public enum Kind: String, Sendable {
        case plain, enveloped = "enveloped-data", authEnveloped = "auth-enveloped-data", encrypted = "encrypted-data"
    }
    /// By contentType, not by the smime-type parameter.
    public var kind: Kind
    /// `aes128-gcm` and the like; nil in the clear.
    public var cipher: String?
}

/// What the key of a body is.
public enum KeyOrigin: String, Sendable {
    case none
    /// A new key, brought to its recipients by their public keys.
    case publicKey = "public-key"
    /// A new key under the key held, by its reference.
    case referenced = "cek-reference"
    /// The key held itself.
    case held
}

/// Packets of one kind in one phase and direction.
public struct PacketReport: Sendable, Equatable {
    /// Media, or the reports about it.
    public enum Kind: String, Sendable { case rtp, rtcp }
    /// RTP or RTCP.
    public var kind: Kind
    /// Sent or received.
    public var way: Way
    /// The phase at the moment of sending or receiving.
    public var phase: MediaPhase
    /// One or more.
    public var count: Int
    /// Sequence numbers; nil for RTCP.
    public var first: UInt16?
    /// The one that was sent or received last; nil for RTCP.
    public var last: UInt16?
    /// From the start of the phase to its last packet, in milliseconds: after BYE, when the way was shut.
    public var lastAfterMilliseconds: Int
}

/// What the numbers of a received stream tell (RFC 3550 appendix A).
public struct StreamReport: Sendable, Equatable {
    /// Packets missing between the first and the latest.
    public var lost: Int
    /// Packets that had been here before.
    public var duplicates: Int
    /// Packets that came after a later one.
    public var outOfOrder: Int
    /// Packets of another synchronization source than the first packet's.
    public var foreign: Int
    /// Packets from another address than the session description's.
    public var fromElsewhere: Int
    /// Milliseconds from the start of the call phase to its first packet; nil when there was none.
    public var firstAfterMilliseconds: Int?
}

/// Why a call is over.
public struct Ending: Sendable, Equatable {
    /// The side that ended the call, or neither.
    public enum By: String, Sendable { case caller, callee, network }
    /// Who ended it.
    public var by: By
    /// 0 after BYE; else the final response that the call failed with, or would have.
    public var status: UInt16
    /// In words, for a call that failed; empty after a normal end.
    public var why: String

    /// Whether the call was made and ended by BYE.
    public var isNormal: Bool { status == 0 }
}
