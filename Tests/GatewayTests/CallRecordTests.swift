import SDPText
import SIPText
import Testing
import Wire

@testable import Gateway

@Suite struct CallRecordTests {
    private let v4 = Endpoint(.v4(0x0A01_0002), 4_000)
    private let v6 = Endpoint(.v6(0xFD00_0001_0000_0000, 2), 65_535)

    private var samples: [CallEvent.What] {
        [
            .described(
                by: .caller, in: .init(.invite), isOffer: true, isDisclosed: true,
                streams: [
                    .init(kind: .audio, direction: .sendReceive, rtp: v4, rtcp: v6),
                    .init(kind: .video, direction: .sendOnly, rtp: v6),
                    .init(kind: .other, direction: .inactive, rtp: nil),
                    .init(kind: .audio, direction: .receiveOnly, rtp: v4),
                ]),
            .described(by: .callee, in: .init(.invite, status: 200), isOffer: false, isDisclosed: false, streams: []),
            .said(by: .callee, .init(.invite, status: 180)), .said(by: .caller, .init(.bye)),
            .holes(halfOpen: 2, paths: 32), .refused(.init(.update), why: Array("why".utf8)), .refused(nil, why: []),
            .restored,
        ]
    }

    @Test func `events are read as they were written`() {
        var record = CallRecord()
        #expect(record.events.isEmpty)
        let events = samples.enumerated().map { CallEvent(milliseconds: UInt32($0.offset) * 100_000_000, $0.element) }
        for event in events { record.append(event) }
        #expect(record.events == events)
        #expect(record.omitted == 0)
    }

    @Test func `what is said again is written once`() {
        var record = CallRecord()
        for (time, what) in [0, 1, 2, 3, 4].flatMap({ time in [(time, samples[2])] }) {
            record.append(CallEvent(milliseconds: UInt32(time), what))
        }
        record.append(CallEvent(milliseconds: 5, samples[3]))
        record.append(CallEvent(milliseconds: 6, samples[2]))
        #expect(record.events.map(\.milliseconds) == [0, 5, 6])
    }

    @Test func `the first events and the last ones stay`() {
        var record = CallRecord()
        let total = 1_000
        for number in 0..<total {
            record.append(CallEvent(milliseconds: UInt32(number), .holes(halfOpen: 0, paths: number % 7)))
        }
        let times = record.events.map { Int($0.milliseconds) }
        #expect(Array(times.prefix(CallRecord.firstEntries)) == Array(0..<CallRecord.firstEntries))
        #expect(times.suffix(50) == Array(total - 50..<total)[...])
        // Nine octets each.
        #expect(times.count == CallRecord.maximumOctets / 9)
        #expect(record.omitted + times.count == total)
    }

    @Test func `streams and reasons are cut at their limits`() {
        var record = CallRecord()
        let stream = CallEvent.Stream(kind: .audio, direction: .sendReceive, rtp: v4)
        for count in [CallRecord.maximumStreams, CallRecord.maximumStreams + 1] {
            record.append(
                CallEvent(
                    milliseconds: 0,
                    .described(
                        by: .caller, in: .init(.invite, status: UInt16(count)), isOffer: true, isDisclosed: false,
                        streams: Array(repeating: stream, count: count))))
        }
        for count in [CallRecord.maximumReason, CallRecord.maximumReason + 1] {
            record.append(
                CallEvent(
                    milliseconds: 0,
                    .refused(.init(.invite, status: UInt16(count)), why: Array(repeating: 65, count: count))))
        }
        let counts = record.events.map { event in
            switch event.what {
            case .described(_, _, _, _, let streams): streams.count
            case .refused(_, let why): why.count
            case .said, .holes, .restored: 0
            }
        }
        #expect(
            counts == [
                CallRecord.maximumStreams, CallRecord.maximumStreams, CallRecord.maximumReason,
                CallRecord.maximumReason,
            ])
    }
}
