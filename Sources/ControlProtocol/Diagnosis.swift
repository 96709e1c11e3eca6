import Wire

/// What is to be said of a call in words: a verdict for each stream and direction, from what both ends said and what went by.
///
/// A pure function of one report, or of two of the same call with the seconds between them: then it is said what goes by now,
/// else what has gone by at all.
public struct Diagnosis: Hashable, Sendable {
    /// How bad it is.
    public enum Weight: String, CaseIterable, Hashable, Sendable {
        /// As it should be.
        case good
        /// Nobody's fault, but worth knowing: held, not answered yet.
        case note
        /// Somebody hears nothing.
        case fault
    }

    /// One sentence, or two: what is the matter and where to look.
    public struct Verdict: Hashable, Sendable {
        /// How bad it is.
        public var weight: Weight
        /// In words, for people. Names from outside are made safe for a terminal.
        public var text: String

        init(_ weight: Weight, _ text: String) {
            self.weight = weight
            self.text = text
        }
    }

    /// The worst first.
    public private(set) var verdicts: [Verdict] = []

    private let report: CallReport
    private let earlier: CallReport?
    private let seconds: Double

    /// - Parameters:
    ///   - earlier: the same call a little while before.
    ///   - seconds: so long before; 0 without an earlier report.
    public init(of report: CallReport, since earlier: CallReport? = nil, seconds: Double = 0) {
        self.report = report
        self.earlier = earlier
        self.seconds = seconds
        judgeSignalling()
        if report.session.pinholes == nil, report.ending == nil {
            add(.fault, "the gate does not answer, so what is open is not known: see systemctl status sekisho-gated")
        }
        judgeMedia()
        let order: [Weight] = [.fault, .note, .good]
        verdicts = order.flatMap { weight in verdicts.filter { $0.weight == weight } }
    }

    private mutating func add(_ weight: Weight, _ text: String) {
        let verdict = Verdict(weight, text)
        if !verdicts.contains(verdict) { verdicts.append(verdict) }
    }

    /// One document (RFC 8259): the call as the server told it, and the verdicts.
    public func json(with report: CallReport) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("call") { report.write(to: &$0) }
            writer.member("verdicts") { writer in
                writer.array { writer in
                    for verdict in verdicts {
                        writer.object { writer in
                            writer.member("weight") { $0.text(verdict.weight.rawValue) }
                            writer.member("text") { $0.text(verdict.text) }
                        }
                    }
                }
            }
        }
        return writer.output + [ASCII.lf]
    }

    // MARK: Names

    /// The user of an end's URI, or what it is.
    private func name(_ end: CallReport.End) -> String { report.name(of: end) }

    // MARK: Signalling

    private mutating func judgeSignalling() {
        for event in report.events {
            guard case .refused(let label, let why) = event.what else { continue }
            let what = label.map(\.text) ?? "what an envelope held"
            add(.fault, "this gateway refused \(what): \(TextSafety.printable(why))")
        }
        if report.isRestored {
            return add(
                .note,
                "the server was started again during the call, and does not know what was said before: only what goes "
                    + "through is told")
        }
        let isDescribed = report.lastDescription(of: .caller) != nil || report.lastDescription(of: .callee) != nil
        if !isDescribed, report.session.description == .unread, report.ending == nil {
            add(.note, "no session description was shown to this gateway, so nothing is open for media")
        }
        guard report.answer == nil else { return }
        // 487 is what comes of a CANCEL, and no answer of the callee's (RFC 3261 section 9.2).
        if let label = report.failure, label.status != 487 {
            add(.note, "\(name(.callee)) answered \(label.text): there never was any media")
        } else if let ending = report.ending {
            add(.note, "nobody answered: \(ending.reason)")
        } else {
            add(
                .note,
                "not answered yet: only early media can be heard, from \(name(.callee))'s side, at a limited rate")
        }
    }

    // MARK: Media

    private mutating func judgeMedia() {
        if let callee = report.callee, callee.isInside == report.caller.isInside {
            let side = callee.isInside ? "inside" : "outside"
            return add(
                .note, "both ends are \(side): their media goes from one to the other and not by this gateway")
        }
        guard let caller = report.lastDescription(of: .caller), let callee = report.lastDescription(of: .callee) else {
            return
        }
        for (own, other) in zip(caller, callee) {
            guard own.rtp != nil, other.rtp != nil else {
                let who = own.rtp == nil ? name(.caller) : name(.callee)
                add(.note, "\(own.kind): refused or put on hold by \(who)")
                continue
            }
            judge(own.kind, from: .caller, own, to: other)
            judge(own.kind, from: .callee, other, to: own)
        }
        if !caller.isEmpty, caller.count > callee.count {
            add(.note, "\(name(.callee)) has not answered \(caller.count - callee.count) of the streams")
        }
    }

    /// One stream, one way.
    private mutating func judge(
        _ kind: String, from end: CallReport.End, _ sender: CallReportEvent.Stream, to receiver: CallReportEvent.Stream
    ) {
        let (who, whom) = (name(end), name(end.other))
        guard sender.direction.sends else {
            return add(.note, "\(kind) from \(who): \(who) said a=\(sender.direction.rawValue), and sends none")
        }
        guard receiver.direction.receives else {
            return add(.note, "\(kind) from \(who): \(whom) said a=\(receiver.direction.rawValue), and wants none")
        }
        guard let flow = flow(from: end, sender.rtp, to: receiver.rtp) else {
            if let pinholes = report.session.pinholes, report.ending == nil || !pinholes.isEmpty {
                add(
                    .fault,
                    "\(kind) from \(who): no path is open between \(text(sender.rtp)) and \(text(receiver.rtp)); what was "
                        + "agreed on was refused, is not asked for yet, or is learned from a packet that has not come")
            }
            return
        }
        if flow.isFlowing {
            let rate = flow.perSecond.map { ", \(Self.decimal($0)) a second" } ?? ""
            return add(.good, "\(kind) from \(who) goes through to \(whom): \(flow.packets) packets\(rate)")
        }
        if let miss = nearMiss(from: end, sender.rtp, to: receiver.rtp) {
            return add(.fault, "no \(kind) from \(who): \(explanation(miss, end, sender.rtp, receiver.rtp))")
        }
        let control = self.flow(from: end, sender.rtcp, to: receiver.rtcp)
        var text =
            flow.packets > 0
            ? "\(kind) from \(who) has stopped after \(flow.packets) packets: "
            : "no \(kind) from \(who): nothing comes from \(self.text(sender.rtp)). "
        if control?.packets ?? 0 > 0 {
            text += "\(who)'s RTCP does come, so the way is good and it is \(who)'s phone that sends no \(kind)"
        } else if flow.packets > 0 {
            text += "\(who)'s phone sends none any more, or what is between it and this gateway drops it"
        } else {
            text += "\(who)'s phone sends none, or a firewall between it and this gateway drops it"
        }
        add(.fault, text)
    }

    /// What went one way between two endpoints.
    private struct Flow {
        var packets: UInt64
        /// Nil without an earlier report.
        var perSecond: Double?
        var isFlowing: Bool { perSecond.map { $0 > 0 } ?? (packets > 0) }
    }

    private func flow(from end: CallReport.End, _ source: Endpoint?, to destination: Endpoint?) -> Flow? {
        guard let source, let destination,
            let packets = Self.packets(report, from: end, source, to: destination)
        else { return nil }
        guard seconds > 0, let earlier, let before = Self.packets(earlier, from: end, source, to: destination),
            packets >= before
        else { return Flow(packets: packets, perSecond: nil) }
        return Flow(packets: packets, perSecond: Double(packets - before) / seconds)
    }

    private static func packets(
        _ report: CallReport, from end: CallReport.End, _ source: Endpoint, to destination: Endpoint
    ) -> UInt64? {
        let isOutward = report.whereabouts(of: end)?.isInside ?? false
        let (inside, outside) = isOutward ? (source, destination) : (destination, source)
        let pinholes = report.session.pinholes ?? []
        // Who is behind somebody else's NAT was learned at the address of its signalling, wherever its SDP said.
        let peer = report.whereabouts(of: isOutward ? end.other : end)?.address
        let hole =
            pinholes.first { $0.inside == inside && $0.outside == outside }
            ?? pinholes.first { $0.inside == inside && $0.outside?.address == peer && outside.address != peer }
        return isOutward ? hole?.outward.packets : hole?.inward.packets
    }

    // MARK: Near misses

    /// What was nearly this stream: to where it should go from elsewhere, or from where it should come to elsewhere.
    private func nearMiss(
        from end: CallReport.End, _ source: Endpoint?, to destination: Endpoint?
    ) -> CallReport.NearMiss? {
        guard let source, let destination else { return nil }
        // From outside the inner endpoint is seen as its external one.
        let target =
            report.session.pinholes?.first { $0.inside == destination }?.external ?? destination
        let misses = lateMisses
        let candidates = misses.filter { $0.destination == target && $0.source != source }
        return candidates.first { $0.source.address == source.address } ?? candidates.first
            ?? misses.first { $0.source == source && $0.destination != target }
    }

    /// With two reports, the near misses between them: older ones may be of what has been mended since.
    private var lateMisses: [CallReport.NearMiss] {
        guard let earlier else { return report.nearMisses }
        return report.nearMisses.filter { miss in
            !earlier.nearMisses.contains {
                $0.source == miss.source && $0.destination == miss.destination && $0.packets >= miss.packets
            }
        }
    }

    private func explanation(
        _ miss: CallReport.NearMiss, _ end: CallReport.End, _ source: Endpoint?, _ destination: Endpoint?
    ) -> String {
        let (who, whom) = (name(end), name(end.other))
        if miss.source == source {
            return "\(who) sends to \(miss.destination), \(whom)'s SDP said \(text(destination)). \(who) did not get "
                + "\(whom)'s last SDP, or does not heed it"
        }
        if miss.source.address == source?.address {
            return
                "\(who) sends from \(miss.source), the SDP said :\(source?.port ?? 0). \(who)'s phone uses another port "
                + "to send than to receive, or a NAT on \(who)'s side changes it"
        }
        return "\(who)'s SDP said \(text(source)), and packets come from \(miss.source). \(who)'s phone tells a wrong "
            + "address, a NAT on \(who)'s side changes it, or it is somebody else who sends"
    }

    private func text(_ endpoint: Endpoint?) -> String { endpoint?.description ?? "nowhere" }

    private static func decimal(_ value: Double) -> String {
        let tenths = UInt64((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension CallReport {
    /// The user of an end's URI as it may be printed, or what the end is where it has none.
    public func name(of end: End) -> String {
        let uri = end == .caller ? session.from : session.to
        guard let colon = uri.firstIndex(of: ASCII.colon), let at = uri.firstIndex(of: UInt8(ascii: "@")),
            colon + 1 < at, at - colon <= 64
        else { return "the \(end.rawValue)" }
        return TextSafety.printable(Array(uri[(colon + 1)..<at]))
    }

    /// The streams that an end described last.
    func lastDescription(of end: End) -> [CallReportEvent.Stream]? {
        for event in events.reversed() {
            if case .described(let by, _, _, _, let streams) = event.what, by == end { return streams }
        }
        return nil
    }

    /// Whether the server was started again during the call.
    var isRestored: Bool { events.contains { $0.what == .restored } }

    /// The 2xx to the INVITE.
    var answer: CallReportEvent.Label? { finalLabel { (200..<300).contains($0) } }

    /// The final response that ended the INVITE, when it was not answered.
    var failure: CallReportEvent.Label? { finalLabel { $0 >= 300 } }

    private func finalLabel(_ isMeant: (UInt64) -> Bool) -> CallReportEvent.Label? {
        for event in events {
            let label: CallReportEvent.Label
            switch event.what {
            case .described(_, let found, _, _, _), .said(_, let found): label = found
            case .holes, .refused, .restored: continue
            }
            if label.method == "INVITE", let status = label.status, isMeant(status) { return label }
        }
        return nil
    }
}

extension CallReportEvent.Label {
    /// `INVITE`, or `200 to INVITE`.
    public var text: String {
        let method = TextSafety.printable(Array(self.method.utf8))
        return status.map { "\($0) to \(method)" } ?? method
    }
}
