import Foundation
import Lab
import Testing
import Wire

/// A call that is up all the time, with packets both ways: none of them may be lost, whoever is killed.
final class Bystander: @unchecked Sendable {
    private let calls: LiveCalls
    private let phones: [PacketPump]
    private let stopped = NSCondition()
    private var isStopping = false
    private var isStopped = false
    private var sent: UInt32 = 0
    /// The numbers that came to each phone.
    private var arrived: [Set<UInt32>] = [[], []]

    private static let port: UInt16 = 30_000
    private static let interval = 0.005

    init(_ bed: CallBed) throws {
        try bed.route("bystanders.example.net", toCalleeAt: 5_070, over: "udp")
        try bed.gateway.start()
        calls = try LiveCalls(1, over: "UDP", to: "bystanders.example.net", port: 5_070, ports: Self.port, bed)
        phones = [
            try PacketPump(Endpoint(Host.caller, Self.port), in: bed.testbed.inside),
            try PacketPump(Endpoint(Host.callee, Self.port), in: bed.testbed.outside),
        ]
        Thread.detachNewThread { [self] in pump() }
    }

    private func pump() {
        while true {
            stopped.lock()
            defer { stopped.unlock() }
            if isStopping { break }
            for (one, other) in [(0, 1), (1, 0)] { try? phones[one].send(sent..<sent + 1, to: phones[other].endpoint) }
            sent += 1
            _ = stopped.wait(until: Date(timeIntervalSinceNow: Self.interval))
        }
        stopped.lock()
        isStopped = true
        stopped.broadcast()
        stopped.unlock()
    }

    /// Takes what has come out of the phones' sockets, which do not hold it for ever.
    func drain() {
        for (index, phone) in phones.enumerated() {
            arrived[index].formUnion(phone.receive(silence: .milliseconds(1)).map(\.number))
        }
    }

    /// Ends the packets.
    ///
    /// - Returns: how many were sent each way, and how many of them did not arrive.
    func stop() throws -> (sent: Int, lost: [Int]) {
        stopped.lock()
        isStopping = true
        stopped.broadcast()
        while !isStopped { stopped.wait() }
        stopped.unlock()
        drain()
        return (Int(sent), arrived.map { Int(sent) - $0.count })
    }

    /// Its BYE, by the caller.
    func hangUp(_ bed: CallBed) throws {
        calls.hangUp()
        #expect(
            try bed.eventually {
                try calls.handleWhatComes(milliseconds: 20)
                return calls.answered(200) == 1
            }, bed.story())
    }
}
