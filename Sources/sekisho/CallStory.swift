import ControlProtocol
import Wire

/// A call on a screen.
struct CallStory {
    let report: CallReport
    let earlier: CallReport?
    let seconds: Double
    let diagnosis: Diagnosis

    func tell() {
        let session = report.session
        print("\(session.identifier)  \(TextSafety.printable(session.from)) -> \(TextSafety.printable(session.to))")
        print("Call-ID   \(TextSafety.printable(session.callID))")
        var state = "\(session.state.rawValue), \(Terminal.duration(session.age)) old"
        if let ending = report.ending {
            state = "over since \(Terminal.duration(ending.secondsAgo)): \(ending.reason)"
        }
        print("state     \(state), SDP \(session.description.rawValue)")
        for end in CallReport.End.allCases {
            guard let place = report.whereabouts(of: end) else { continue }
            print(
                "\(Terminal.pad(end.rawValue, to: 10))\(report.name(of: end)), \(place.isInside ? "inside" : "outside"), "
                    + "signalling from \(place.address)")
        }
        print("\nwhat happened")
        for (index, event) in report.events.enumerated() {
            if index == 6, report.omittedEvents > 0 { print("  ... \(report.omittedEvents) more") }
            print("  \(Self.time(event.milliseconds))  \(text(event.what))")
        }
        if let pinholes = session.pinholes, !pinholes.isEmpty {
            print(report.ending == nil ? "\nopen, and what went through" : "\nwhat went through")
            for pinhole in pinholes { show(pinhole) }
        }
        if !report.nearMisses.isEmpty {
            print("\nnear misses (a sample)")
            for miss in report.nearMisses {
                print(
                    "  \(Terminal.pad(miss.source.description, to: 22))-> \(miss.destination)  \(miss.packets) packets")
            }
        }
        print("\nverdict")
        for verdict in diagnosis.verdicts { print("  \(Terminal.pad(verdict.weight.rawValue, to: 6))\(verdict.text)") }
        if diagnosis.verdicts.isEmpty { print("  nothing is known of its media") }
    }

    private static func time(_ milliseconds: UInt64) -> String {
        let fraction = String(milliseconds % 1_000)
        let zeros = String(repeating: "0", count: 3 - fraction.utf8.count)
        return Terminal.right("\(milliseconds / 1_000).\(zeros)\(fraction)", to: 9)
    }

    private func text(_ what: CallReportEvent.What) -> String {
        switch what {
        case .described(let end, let label, let isOffer, let isDisclosed, let streams):
            let verb = isOffer ? "offers" : "answers"
            let how = isDisclosed ? " (disclosed)" : ""
            return "\(report.name(of: end)) \(verb)\(how) in \(label.text): "
                + streams.map(text).joined(separator: ", ")
        case .said(let end, let label): return "\(report.name(of: end)): \(label.text)"
        case .holes(let halfOpen, let paths):
            if halfOpen == 0, paths == 0 { return "gate: all closed" }
            let parts = [halfOpen > 0 ? "\(halfOpen) half-open" : nil, paths > 0 ? "\(paths) paths" : nil]
            return "gate: " + parts.compactMap { $0 }.joined(separator: ", ")
        case .restored: return "sekishod was started again"
        case .refused(let label, let why):
            return "refused \(label?.text ?? "what the envelope held"): \(TextSafety.printable(why))"
        }
    }

    private func text(_ stream: CallReportEvent.Stream) -> String {
        let kind = TextSafety.printable(Array(stream.kind.utf8))
        guard let rtp = stream.rtp else { return "\(kind) nowhere" }
        return "\(kind) at \(rtp)" + (stream.direction == .sendReceive ? "" : " \(stream.direction.rawValue)")
    }

    private func show(_ pinhole: PinholeReport) {
        let old = earlier?.session.pinholes?.first { $0.inside == pinhole.inside && $0.outside == pinhole.outside }
        let inside = Terminal.pad(pinhole.inside.description, to: 22)
        let outside = Terminal.pad(pinhole.outside?.description ?? "any", to: 22)
        if pinhole.outside != nil {
            print("  \(inside)-> \(outside)\(rate(pinhole.outward, old?.outward))")
        }
        let external = pinhole.external.map { "  (as \($0))" } ?? ""
        print("  \(inside)<- \(outside)\(rate(pinhole.inward, old?.inward))\(external)")
    }

    private func rate(_ traffic: PinholeReport.Traffic, _ old: PinholeReport.Traffic?) -> String {
        let packets = "\(traffic.packets) packets"
        guard let old, seconds > 0, traffic.packets >= old.packets else { return packets }
        return packets + ", \(TopCommand.text(Double(traffic.packets - old.packets) / seconds))/s"
    }
}
