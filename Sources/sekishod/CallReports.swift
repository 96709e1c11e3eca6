import ControlProtocol
import GateProtocol
import Gateway
import SDPText
import SIPText
import Wire

// From what the controller remembers of a call to what the operator is told.
extension Reports {
    /// Whether the second of two answers to one name is the better one: by its number before by a part of a name, up before
    /// over, newer before older.
    static func isBetter(_ a: CallAccount, _ b: CallAccount) -> Bool {
        if a.isExact != b.isExact { return b.isExact }
        if (a.end == nil) != (b.end == nil) { return b.end == nil }
        return a.summary.startedAt < b.summary.startedAt
    }

    /// - Parameter holes: what it has open, or had; nil when the gate does not say.
    static func call(_ account: CallAccount, _ holes: HoleReport?, at now: MonotonicTime) -> [UInt8] {
        let none: [PinholeReport]? = account.end == nil ? nil : []
        return ControlAnswer.call(
            CallReport(
                session: session(account.summary, holes.map(pinholes) ?? none, at: now),
                caller: whereabouts(account.caller), callee: account.callee.map(whereabouts),
                ending: account.end.map {
                    CallReport.Ending(secondsAgo: seconds(from: $0.time, to: now), reason: $0.reason.rawValue)
                }, events: account.events.map(event), omittedEvents: UInt64(account.omittedEvents),
                nearMisses: holes?.nearMisses.map {
                    CallReport.NearMiss(source: $0.source, destination: $0.destination, packets: $0.packets)
                } ?? [])
        ).json
    }

    private static func whereabouts(_ place: CallAccount.Whereabouts) -> CallReport.Whereabouts {
        CallReport.Whereabouts(address: place.address, isInside: place.isInside)
    }

    private static func event(_ event: CallEvent) -> CallReportEvent {
        let what: CallReportEvent.What =
            switch event.what {
            case .described(let party, let message, let isOffer, let isDisclosed, let streams):
                .described(
                    by: end(party), in: label(message), isOffer: isOffer, isDisclosed: isDisclosed,
                    streams: streams.map(stream))
            case .said(let party, let message): .said(by: end(party), label(message))
            case .holes(let halfOpen, let paths): .holes(halfOpen: UInt64(halfOpen), paths: UInt64(paths))
            case .restored: .restored
            case .refused(let message, let why): .refused(message.map(label), why: why)
            }
        return CallReportEvent(milliseconds: UInt64(event.milliseconds), what)
    }

    private static func end(_ party: Party) -> CallReport.End {
        switch party {
        case .caller: .caller
        case .callee: .callee
        }
    }

    private static func label(_ label: CallEvent.Label) -> CallReportEvent.Label {
        CallReportEvent.Label("\(label.method.name)", status: label.status.map { UInt64($0) })
    }

    private static func stream(_ stream: CallEvent.Stream) -> CallReportEvent.Stream {
        let kind =
            switch stream.kind {
            case .audio: "audio"
            case .video: "video"
            case .other: "media"
            }
        let direction: CallReportEvent.Direction =
            switch stream.direction {
            case .sendReceive: .sendReceive
            case .sendOnly: .sendOnly
            case .receiveOnly: .receiveOnly
            case .inactive: .inactive
            }
        return CallReportEvent.Stream(kind: kind, direction: direction, rtp: stream.rtp, rtcp: stream.rtcp)
    }
}
