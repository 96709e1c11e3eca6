import Glibc
import Lab
import Synchronization
import Wire

/// Numbered packets from one host to another, some thousands a second, beside the test until it ends them.
final class PacedStream {
    private final class State: Sendable {
        let isStopped = Atomic(false)
        let sent = Atomic<UInt32>(0)
    }

    /// Microseconds that the sender sleeps after each packet.
    private static let pause: UInt32 = 200

    private let state = State()
    private let receiver: PacketPump
    private let sender: Background

    /// Starts to send.
    init(_ pump: PacketPump, to receiver: PacketPump) throws {
        self.receiver = receiver
        let (state, destination) = (state, receiver.endpoint)
        sender = try Background {
            while !state.isStopped.load(ordering: .relaxed) {
                let number = state.sent.load(ordering: .relaxed)
                try pump.send(number, to: destination)
                state.sent.store(number + 1, ordering: .relaxed)
                usleep(Self.pause)
            }
        }
    }

    /// Packets sent so far.
    var sent: Int { Int(state.sent.load(ordering: .relaxed)) }

    /// Waits until the sender has come further by so many packets.
    func pass(_ count: Int) {
        let goal = sent + count
        while sent < goal { usleep(1_000) }
    }

    /// Ends it: how many were sent, and the numbers of those that were received.
    func stop() throws -> (sent: Int, received: [UInt32]) {
        state.isStopped.store(true, ordering: .relaxed)
        try sender.join()
        // A little longer than what is on its way needs.
        return (sent, receiver.receive(silence: .milliseconds(200)).map(\.number))
    }
}
