import UserAgent

/// What a call came to, in a few lines of less than 70 columns. CEK: the content encryption key of the first message.
enum SummaryText {
    static func text(of summary: CallSummary) -> String {
        var lines: [String] = []
        if let ending = summary.ending {
            let status = ending.isNormal ? "ended by \(ending.by.rawValue)" : "failed: \(ending.status)"
            let why = ending.why.isEmpty ? "" : ", \(ending.why)"
            lines.append("call \(summary.number.value) (\(summary.role.rawValue)): \(status)\(why)")
        } else {
            lines.append("call \(summary.number.value) (\(summary.role.rawValue)): not over")
        }
        for body in summary.bodies { lines.append("  \(line(body))") }
        for host in summary.retriedFor { lines.append("  disclosed to \(host) after it asked (496)") }
        for phase in MediaPhase.allCases {
            let counts = [PacketReport.Kind.rtp, .rtcp].map { kind in
                "\(kind.rawValue.uppercased()) \(summary.count(kind, .sent, phase)) sent, "
                    + "\(summary.count(kind, .received, phase)) received"
            }
            if summary.packets.contains(where: { $0.phase == phase }) {
                lines.append("  \(phase.rawValue): \(counts.joined(separator: "; "))")
            }
        }
        if let stream = summary.stream, summary.packets.contains(where: { $0.way == .received }) {
            lines.append(
                "  stream: \(stream.lost) lost, \(stream.duplicates) duplicate, \(stream.outOfOrder) reordered, "
                    + "\(stream.fromElsewhere) from elsewhere")
        }
        if summary.isEstablished, summary.expectsMedia, summary.count(.rtp, .received, .call) == 0 {
            lines.append("  NO MEDIA came during the call")
        }
        return lines.joined(separator: "\n")
    }

    private static func line(_ body: BodyReport) -> String {
        let what = "SDP \(body.way.rawValue) in \(body.carrier)"
        guard let cipher = body.form.cipher else { return "\(what): in the clear" }
        let key: String =
            switch body.key {
            case .none: "no key"
            case .publicKey: "new CEK"
            case .referenced: "under the CEK"
            case .held: "by the CEK"
            }
        return "\(what): \(body.form.kind.rawValue), \(cipher), \(key)"
    }
}
