import Glibc
import Lab
import Testing

/// What the tests with baresip do with a call, and what must be seen of it at the gateway.
extension PeerBed {
    /// Calls, and waits until both are connected and RTP is counted both ways.
    func connect(_ caller: Baresip, to uri: String, at callee: Baresip) throws -> Traffic {
        let (calls, answered) = (caller.count(.established), callee.count(.established))
        try caller.dial(uri)
        try caller.expect(.established, times: calls + 1)
        try callee.expect(.established, times: answered + 1)
        return try #require(try traffic(), "no RTP both ways \(story(caller.child, callee.child))")
    }

    /// Hold by direction: the holes stay, for RTCP needs them (RFC 3264 section 8.4). Then resume: RTP both ways again.
    ///
    /// That no RTP is counted meanwhile says nothing of the gateway: baresip 1.0.0 that holds offers `sendonly` and sends
    /// nothing all the same, with no gateway in between as well. Whether holes close on hold is tested with sipp.
    ///
    /// - Returns: RTP in half a second of hold, the holes in that time, and what was counted at the end.
    func holdAndResume(_ phone: Baresip) throws -> (held: Traffic, holes: Int, after: Traffic) {
        let answers = phone.count(.remoteDescription)
        let open = try #require(try sessions().first).holes.count
        try phone.hold()
        try phone.expect(.remoteDescription, times: answers + 1)
        // What was under way when both stopped.
        usleep(300_000)
        let start = try #require(try sessions().first).traffic
        usleep(500_000)
        let session = try #require(try sessions().first)
        let held = Traffic(
            outward: session.traffic.outward - start.outward, inward: session.traffic.inward - start.inward)
        try #require(
            session.holes.count == open && open > 1,
            "\(session.holes.count) of \(open) holes on hold \(story(phone.child))")
        try phone.resume()
        try phone.expect(.remoteDescription, times: answers + 2)
        let after = try #require(try traffic(past: session.traffic), "no RTP after resume \(story(phone.child))")
        return (held, session.holes.count, after)
    }

    /// Hangs up, waits until the other side knows, and until the kernel has nothing open.
    func hangUp(_ phone: Baresip, other: Baresip) throws {
        let closed = other.count(.closed)
        try phone.hangUp()
        try other.expect(.closed, times: closed + 1)
        try #require(try eventually { try elements() == 0 }, "holes are left \(story(phone.child, other.child))")
    }
}
