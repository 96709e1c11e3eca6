import Glibc
import Lab
import Testing

/// sipp calls sipp through the gateway; sipp plays speech, and the other side sends each packet back.
///
/// Two kernels count independently: the gateway's elements, looked at while the call is there, and each host's own meter,
/// which outlives the call and so is exact.
@Suite(.serialized) struct SIPpTests {
    /// Debian's sipp has no TLS.
    @Test(arguments: Line.all.filter { $0.transport != "tls" }) func `sipp calls sipp in every flow`(line: Line) throws
    {
        let bed = try PeerBed("sipp-\(line.name)", line)
        let meters = try Meters(bed)
        for (index, flow) in SIPpFlow.all(usesIPv6: line.usesIPv6).enumerated() {
            try run(flow, index, in: bed, meters)
        }
    }

    private func run(_ flow: SIPpFlow, _ index: Int, in bed: PeerBed, _ meters: Meters) throws {
        let before = try meters.delivered()
        let callee = try SIPp(
            "callee-\(index)", plays: flow.callee,
            at: SIPp.Place(
                namespace: bed.testbed.outside, address: bed.outside, transport: bed.line.transport, mediaPort: 5000),
            directory: bed.directory)
        try waitForSocket(of: bed)
        let caller = try SIPp(
            "caller-\(index)", plays: flow.caller,
            at: SIPp.Place(
                namespace: bed.testbed.inside, address: bed.inside, transport: bed.line.transport, mediaPort: 4000),
            directory: bed.directory, target: bed.host(bed.near))
        let seen = try observe(bed, until: caller)
        let complaints = [caller.complaint(), callee.complaint()].compactMap { $0 }
        let closed = try bed.eventually { try bed.elements() == 0 }
        let after = try meters.delivered()
        let delivered = Traffic(
            outward: after.outward - before.outward, inward: after.inward - before.inward)

        var wrong = complaints
        if !closed { wrong.append("holes are left") }
        if flow.carriesMedia {
            // More than was played, or more back than went out, would be a loop and prove nothing.
            if !(11...SIPp.speechPackets).contains(delivered.outward) { wrong.append("delivered outside") }
            if delivered.inward < 11 || delivered.inward > delivered.outward { wrong.append("delivered inside") }
            if seen.most.outward == 0 || seen.most.inward == 0 { wrong.append("nothing counted by the elements") }
            if seen.most.outward > delivered.outward { wrong.append("elements count more than was delivered outside") }
            if seen.most.inward > SIPp.speechPackets { wrong.append("elements count more than was played") }
        } else if delivered.outward + delivered.inward > 0 {
            wrong.append("media without a call")
        }
        if flow.isHeld, !seen.holes.drop(while: { !$0 }).starts(with: [true, false, true]) {
            wrong.append("holes while on hold: \(seen.holes)")
        }
        let name = "\(bed.line.testDescription), \(flow.name)"
        #expect(wrong.isEmpty, "\(name): \(wrong), elements \(seen.most), delivered \(delivered) \(bed.story())")
        guard wrong.isEmpty else { return }
        let media =
            flow.carriesMedia
            ? "RTP delivered \(delivered.outward) out, \(delivered.inward) in"
                + " (elements, last seen: \(seen.most.outward), \(seen.most.inward))" : "no media"
        print("proved: sipp to sipp, \(name): \(media),\(flow.isHeld ? " no hole while held," : "") 0 elements after")
    }

    /// What the gateway shows of the call, as often as it can be asked: the highest counts, and each change between
    /// holes and none.
    private func observe(_ bed: PeerBed, until caller: SIPp) throws -> (most: Traffic, holes: [Bool]) {
        var most = Traffic()
        var holes: [Bool] = []
        while caller.child.isRunning {
            if let session = try bed.sessions().first {
                most.outward = max(most.outward, session.traffic.outward)
                most.inward = max(most.inward, session.traffic.inward)
                if holes.last != !session.holes.isEmpty { holes.append(!session.holes.isEmpty) }
            }
            usleep(50_000)
        }
        return (most, holes)
    }

    /// sipp says nothing when it is ready.
    private func waitForSocket(of bed: PeerBed) throws {
        let kind = bed.line.transport == "tcp" ? "-Hlnt" : "-Hlnu"
        let listens = try bed.eventually {
            try !bed.testbed.outside.command("ss", kind, "sport", "=", ":5060").isEmpty
        }
        try #require(listens, "sipp does not listen")
    }
}

/// What the kernels of the two hosts have delivered to sipp's RTP ports.
private struct Meters {
    private let atCaller: Meter
    private let atCallee: Meter

    init(_ bed: PeerBed) throws {
        atCaller = try Meter(on: bed.testbed.inside, from: [Meter.Source("callee", [bed.outside])], ports: "4000-4001")
        atCallee = try Meter(on: bed.testbed.outside, from: [Meter.Source("caller", [bed.inside])], ports: "5000-5001")
    }

    func delivered() throws -> Traffic {
        Traffic(outward: try atCallee.packets(from: "caller"), inward: try atCaller.packets(from: "callee"))
    }
}
