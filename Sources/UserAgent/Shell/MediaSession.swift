import Media
import NIOCore
import NIOPosix
import SDPText
import Transport
import Wire

/// The media sockets of one call: sends a packet every 20 ms and a report about every second, counts what comes.
///
/// Confined to its event loop. `@unchecked Sendable`: NIO's bootstraps want closures that may cross threads; every one
/// of them runs on the event loop.
final class MediaSession: @unchecked Sendable {
    /// 20 ms, the default of RFC 3551 section 4.2.
    static let packetTime = TimeAmount.milliseconds(20)
    static let samplesPerPacket = G711.sampleRate / 50
    /// Packets between two RTCP reports. RFC 3550 section 6.2 would have 5 s; a call of 3 s should show some.
    static let packetsPerReport = 50
    /// Pairs of ports that are tried when none is given.
    static let portAttempts = 64

    let local: Endpoint
    private let eventLoop: any EventLoop
    private let rtp: any Channel
    private let rtcp: any Channel
    private var sound: Sound
    private let records: Bool
    private(set) var recording: [Int16] = []
    private(set) var counts = MediaCounts(at: Clock.now())
    private(set) var receiver = RTPReceiver()
    private var phase = MediaPhase.early
    private var target: MediaTarget?
    private var sender: RTPSender?
    private let source: UInt32
    private var next: NIODeadline?
    private var ticks = 0
    private var task: Scheduled<Void>?
    private var lastSenderReport: (middle: UInt32, at: MonotonicTime)?

    private init(_ rtp: any Channel, _ rtcp: any Channel, at local: Endpoint, _ sound: Sound, records: Bool) {
        self.rtp = rtp
        self.rtcp = rtcp
        self.local = local
        self.sound = sound
        self.records = records
        eventLoop = rtp.eventLoop
        source = UInt32.random(in: 1...UInt32.max)
    }

    /// Binds an even port and the one after it.
    ///
    /// - Parameter port: 0 for any.
    static func open(
        at address: IPAddress, port: UInt16, _ sound: Sound, records: Bool, on eventLoop: any EventLoop,
        attempt: Int = 0
    ) -> EventLoopFuture<MediaSession> {
        let chosen = port == 0 ? UInt16.random(in: 8_192..<30_000) * 2 : port
        let inbound = Inbound()
        return bind(Endpoint(address, chosen), isReport: false, inbound, eventLoop).flatMap { rtp in
            bind(Endpoint(address, chosen &+ 1), isReport: true, inbound, eventLoop).map { rtcp in
                let session = MediaSession(rtp, rtcp, at: Endpoint(address, chosen), sound, records: records)
                inbound.session = session
                return session
            }.flatMapError { error in rtp.close().flatMapThrowing { throw error } }
        }.flatMapError { error in
            guard port == 0, attempt < portAttempts else { return eventLoop.makeFailedFuture(error) }
            return open(at: address, port: 0, sound, records: records, on: eventLoop, attempt: attempt + 1)
        }
    }

    private static func bind(
        _ endpoint: Endpoint, isReport: Bool, _ inbound: Inbound, _ eventLoop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let address: SocketAddress
        do { address = try SocketAddress(endpoint) } catch { return eventLoop.makeFailedFuture(error) }
        return DatagramBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(MediaHandler(inbound, isReport: isReport))
                }
            }
            .bind(to: address)
    }

    // MARK: Commands

    func run(_ target: MediaTarget) {
        self.target = target
        if sender?.payloadType != target.format.rawValue {
            // The first number is 0, not random: this device is there to be counted.
            sender = RTPSender(
                source: source, payloadType: target.format.rawValue, firstSequenceNumber: sender?.sequenceNumber ?? 0,
                firstTimestamp: sender?.timestamp ?? 0)
        }
        guard task == nil else { return }
        next = .now()
        schedule()
    }

    func enter(_ phase: MediaPhase) {
        self.phase = phase
        counts.enter(phase, at: Clock.now())
    }

    func stopSending() {
        target?.sends = false
        task?.cancel()
        task = nil
    }

    func close() {
        task?.cancel()
        task = nil
        rtp.close(promise: nil)
        rtcp.close(promise: nil)
    }

    /// What the numbering of the stream that came tells.
    var report: StreamReport {
        StreamReport(
            lost: receiver.lost, duplicates: receiver.duplicates, outOfOrder: receiver.outOfOrder,
            foreign: receiver.foreign, fromElsewhere: counts.fromElsewhere,
            firstAfterMilliseconds: counts.firstAfterMilliseconds)
    }

    // MARK: Sending

    private func schedule() {
        guard let next else { return }
        task = eventLoop.scheduleTask(deadline: next) { [weak self] in self?.tick() }
    }

    private func tick() {
        sendPacket()
        ticks += 1
        if ticks % Self.packetsPerReport == Self.packetsPerReport / 2 { sendReport() }
        next = next.map { $0 + Self.packetTime }
        schedule()
    }

    private func sendPacket() {
        guard let target, target.sends, var sender, let codec = G711(payloadType: target.format.rawValue) else {
            return
        }
        let number = sender.sequenceNumber
        let payload = codec.encode(sound.next(Self.samplesPerPacket))
        let packet = sender.packet(payload.span)
        self.sender = sender
        send(packet, to: target.rtp, by: rtp)
        counts.count(.rtp, .sent, phase, number, at: Clock.now())
    }

    private func sendReport() {
        guard let target, let sender, let destination = target.rtcp else { return }
        let now = Clock.now()
        let delay = lastSenderReport.map { UInt32(clamping: ((now - $0.at).wholeNanoseconds * 65_536) / 1_000_000_000) }
        let blocks = receiver.report(lastReport: lastSenderReport?.middle ?? 0, delay: delay ?? 0).map { [$0] } ?? []
        let report: RTCPPacket =
            target.sends
            ? .senderReport(source: source, sender.senderInfo(ntpTime: Clock.ntpTime()), blocks)
            : .receiverReport(source: source, blocks)
        let name = RTCPPacket.sourceDescription(source: source, canonicalName: Array("sekisho@\(local.address)".utf8))
        send(RTCPPacket.datagram([report, name]), to: destination, by: rtcp)
        counts.count(.rtcp, .sent, phase, nil, at: now)
    }

    private func send(_ octets: [UInt8], to endpoint: Endpoint, by channel: any Channel) {
        guard let address = try? SocketAddress(endpoint) else { return }
        channel.writeAndFlush(
            AddressedEnvelope(remoteAddress: address, data: channel.allocator.buffer(bytes: octets)), promise: nil)
    }

    // MARK: Receiving

    fileprivate func received(_ octets: [UInt8], from remote: Endpoint, isReport: Bool) {
        let now = Clock.now()
        guard !isReport else {
            guard let packets = try? RTCPPacket.parse(octets.span) else { return }
            counts.count(.rtcp, .received, phase, nil, at: now)
            for case .senderReport(_, let info, _) in packets { lastSenderReport = (info.middleOfNTPTime, now) }
            return
        }
        guard let packet = try? RTPPacket(parsing: octets.span) else { return }
        counts.count(.rtp, .received, phase, packet.header.sequenceNumber, at: now)
        if let target, target.rtp != remote { counts.fromElsewhere += 1 }
        let arrival = UInt32(truncatingIfNeeded: now.nanoseconds / (1_000_000_000 / Int64(G711.sampleRate)))
        let verdict = receiver.receive(packet.header, arrival: arrival)
        if records { record(packet, octets, verdict) }
    }

    /// Keeps the samples in the order of arrival; what is missing is silence.
    private func record(_ packet: RTPPacket, _ octets: [UInt8], _ verdict: RTPReceiver.Arrival) {
        guard let codec = G711(payloadType: packet.header.payloadType) else { return }
        switch verdict {
        case .duplicate, .foreignSource, .discontinuity, .outOfOrder: return
        case .afterGap(let missing):
            append(Array(repeating: 0, count: missing * Self.samplesPerPacket))
        case .inOrder, .restarted: break
        }
        append(codec.decode(octets.span.extracting(packet.payload)))
    }

    private func append(_ samples: [Int16]) {
        recording += samples.prefix(max(0, WAVFile.Limits.samples - recording.count))
    }
}

/// The way from the sockets, which are bound first, to the session.
///
/// `@unchecked Sendable`: NIO asks for it; it is touched on the event loop only.
private final class Inbound: @unchecked Sendable {
    weak var session: MediaSession?
}

private final class MediaHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let inbound: Inbound
    private let isReport: Bool

    init(_ inbound: Inbound, isReport: Bool) {
        self.inbound = inbound
        self.isReport = isReport
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let remote = Endpoint(envelope.remoteAddress) else { return }
        inbound.session?.received(Array(envelope.data.readableBytesView), from: remote, isReport: isReport)
    }

    /// An ICMP error for an earlier packet is not a fault of the socket: the way may just be shut.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
