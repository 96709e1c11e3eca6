import SDPText
import Wire

/// What a call wants of its media sockets.
enum MediaCommand: Equatable, Sendable {
    /// Bind RTP and RTCP sockets; the answer is the input `mediaOpened`.
    case open
    /// Send to here, and expect packets from there. Replaces what was said before.
    case run(MediaTarget)
    /// Sequence numbers are counted by phase.
    case enter(MediaPhase)
    case stopSending
    /// Close the sockets and report what was counted.
    case close
}

/// Where the media of a call goes.
struct MediaTarget: Equatable, Sendable {
    var rtp: Endpoint
    /// Nil for none.
    var rtcp: Endpoint?
    var format: SDPBuilder.AudioFormat
    var sends: Bool
    var receives: Bool
}
