public import CMSText
public import SDPText

/// How the caller protects its session descriptions.
public enum Protection: Hashable, Sendable {
    /// `application/sdp` in the clear.
    case plain
    /// Enveloped for the recipients of the call: GCM in AuthEnvelopedData, CBC in EnvelopedData.
    case enveloped(ContentAlgorithm)
}

/// How the key of the first message protects the later ones.
public enum KeyReuse: String, Hashable, Sendable, CaseIterable {
    /// A new (Auth)EnvelopedData whose one recipient is the key held, by reference (RFC 3185).
    case kek
    /// EncryptedData directly under the key held; with AES-CBC only. A key for GCM is used by `kek`.
    case encryptedData = "encrypted-data"
}

/// When a call ends, and what goes on after that. Every wait has an end.
public struct CallTiming: Hashable, Sendable {
    /// From the answer to the own BYE; nil leaves it to the peer.
    public var hangUpAfter: Duration?
    /// From the answer to the own BYE when the peer never hangs up; the call has failed then.
    public var longest = Duration.seconds(3_600)
    /// From the INVITE to CANCEL when nobody answers.
    public var ringing = Duration.seconds(60)
    /// From the answer to a re-INVITE of this side; nil for none.
    public var reinviteAfter: Duration?
    /// From the end of the call to the close of the media sockets.
    public var listenOn = Duration.zero
    /// From the end of the call for which RTP is still sent: it shows whether the way is shut.
    public var sendOn = Duration.zero

    /// No end of its own, a minute of ringing, and nothing after BYE.
    public init() {}
}

/// How calls are answered.
public struct AnswerPlan: Sendable {
    /// The user part of Contact.
    public var user: [UInt8] = Array("bob".utf8)
    /// How the key of the offer protects the answer and what comes after it.
    public var reuse = KeyReuse.kek
    /// From the INVITE to the 200.
    public var acceptAfter = Duration.zero
    /// Answer with 183 and a description at once, and send media from then on.
    public var sendsEarlyMedia = false
    /// A final error response in place of a 200.
    public var refusal: UInt16?
    /// When the call ends, and what goes on after that.
    public var timing = CallTiming()
    /// Codecs that are taken; the offerer's order of preference decides.
    public var formats = SDPBuilder.AudioFormat.allCases
    /// Calls at one time; more are answered with 486.
    public var maximumCalls = 1

    /// Answers one call at a time, at once.
    public init() {}
}
