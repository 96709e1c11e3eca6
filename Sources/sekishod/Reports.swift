import ControlProtocol
import GateProtocol
import Gateway
import Transport
import Wire

/// From the controller's and the gate's numbers to what the operator is shown.
enum Reports {
    static func status(
        of shards: [Shard.Snapshot], startedAt: MonotonicTime, transport: TransportCounters?, at now: MonotonicTime
    ) -> [UInt8] {
        let summaries = shards.flatMap(\.summaries)
        let counters = shards.reduce(Counters()) { $0 + $1.counters }
        let transport = transport ?? TransportCounters()
        return ControlAnswer.status(
            StatusReport(
                version: Sekishod.version, uptime: seconds(from: startedAt, to: now),
                isGateConnected: shards.allSatisfy(\.isGateConnected), sessions: UInt64(summaries.count),
                pinholes: UInt64(summaries.reduce(0) { $0 + $1.holes.count }),
                counters: [
                    .init("requests", counters.requests), .init("responses", counters.responses),
                    .init("malformed", counters.malformed), .init("stray_responses", counters.strayResponses),
                    .init("refused", counters.refused), .init("over_limit", counters.overLimit),
                    .init("sessions_opened", counters.sessionsOpened),
                    .init("sessions_closed", counters.sessionsClosed),
                    .init("envelopes_opened", counters.envelopesOpened),
                    .init("envelopes_undecipherable", counters.envelopesUndecipherable),
                    .init("gate_requests", counters.gateRequests), .init("gate_refusals", counters.gateRefusals),
                    .init("connections_refused", transport.connectionsRefused),
                    .init("framing_errors", transport.framingErrors),
                    .init("slow_connections", transport.slowConnections),
                    .init("stalled_connections", transport.stalledConnections),
                    .init("connections_timed_out", transport.connectionsTimedOut),
                    .init("tls_failures", transport.secureFailures),
                    .init("truncated_connections", transport.truncatedConnections),
                    .init("send_failures", transport.sendFailures),
                ])
        ).json
    }

    static func sessions(_ summaries: [SessionSummary], _ listing: GateClient.Listing, at now: MonotonicTime) -> [UInt8]
    {
        let byID = Dictionary(listing.reports.map { ($0.session, $0) }, uniquingKeysWith: { first, _ in first })
        // What the gate has not listed is not open, if it has listed everything.
        let unlisted: [PinholeReport]? = listing.isComplete ? [] : nil
        let reports = summaries.map { session($0, byID[$0.id].map(pinholes) ?? unlisted, at: now) }
        return ControlAnswer.sessions(reports, total: UInt64(reports.count), gateAnswered: listing.isComplete).json
    }

    static func session(
        _ summary: SessionSummary, _ pinholes: [PinholeReport]?, at now: MonotonicTime
    ) -> SessionReport {
        SessionReport(
            identifier: summary.id.description, callID: summary.callID, from: summary.from, to: summary.to,
            state: state(summary.state), age: seconds(from: summary.startedAt, to: now),
            description: description(summary.reading), pinholes: pinholes)
    }

    static func pinholes(_ report: HoleReport) -> [PinholeReport] {
        let none = PinholeReport.Traffic(packets: 0, bytes: 0)
        return report.halfOpen.map {
            PinholeReport(
                inside: $0.inside, external: $0.external, outside: nil, outward: none, inward: traffic($0.incoming))
        }
            + report.paths.map {
                PinholeReport(
                    inside: $0.path.inside, external: $0.external, outside: $0.path.outside,
                    outward: traffic($0.outgoing), inward: traffic($0.incoming))
            }
    }

    private static func traffic(_ traffic: Traffic) -> PinholeReport.Traffic {
        PinholeReport.Traffic(packets: traffic.packets, bytes: traffic.bytes)
    }

    private static func state(_ state: SessionSummary.State) -> SessionReport.State {
        switch state {
        case .halfOpen: .halfOpen
        case .open: .open
        case .noMedia: .noMedia
        case .closing: .closing
        }
    }

    private static func description(_ reading: Reading) -> SessionReport.Description {
        switch reading {
        case .plain: .plain
        case .disclosed: .disclosed
        case .none, .closed: .unread
        }
    }

    static func seconds(from start: MonotonicTime, to now: MonotonicTime) -> UInt64 {
        UInt64(max(0, (now - start).components.seconds))
    }
}
