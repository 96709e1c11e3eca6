import NIOCore
import NIOPosix
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Transport

/// A peer that sends many messages at once, and what others get meanwhile.
@Suite(.serialized, .timeLimit(.minutes(2))) struct PipeliningTests {
    /// Counts the messages, and how many there were when the loop first did something else.
    private final class Ear: SIPTransportDelegate, @unchecked Sendable {
        let loop: any EventLoop
        private var numbers: [UInt32] = []
        private var atTurn: [Int] = []
        private var wanted = Int.max
        private var promise: EventLoopPromise<(numbers: [UInt32], atTurn: [Int])>?

        init(_ loop: any EventLoop) { self.loop = loop }

        func received(_ outcome: MessageParser.Outcome, on flow: Flow) {
            guard case .message(let message) = outcome else { return }
            numbers.append(message.cseq.number)
            // What is asked for while a message is handled comes after the turn that the message is part of.
            loop.execute { [self] in if atTurn.last != numbers.count { atTurn.append(numbers.count) } }
            if numbers.count == wanted { loop.execute { [self] in promise?.succeed((numbers, atTurn)) } }
        }

        func failed(to destination: Destination) {}

        /// The numbers of so many messages, and how many there were after each turn.
        func hear(_ count: Int) -> EventLoopFuture<(numbers: [UInt32], atTurn: [Int])> {
            loop.flatSubmit { [self] in
                let promise = loop.makePromise(of: (numbers: [UInt32], atTurn: [Int]).self)
                (wanted, self.promise) = (count, promise)
                return promise.futureResult
            }
        }
    }

    /// Sends messages in one write and gives what `Ear` heard.
    private func burst(_ count: Int) async throws -> (numbers: [UInt32], atTurn: [Int]) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loop = group.next()
        let ear = Ear(loop)
        let transport = SIPTransport(eventLoop: loop, delegate: ear)
        let there = try await loop.flatSubmit { transport.listen(.tcp, at: Endpoint(.v4(0x7F00_0001), 0)) }.get()
        let heard = ear.hear(count)
        let peer = try await Peer.connect(to: there, on: group.next())
        try await peer.write((1...count).flatMap { Sample.message($0) })
        let result = try await heard.get()
        try await peer.close()
        try await loop.flatSubmit { transport.close() }.get()
        try await group.shutdownGracefully()
        return result
    }

    @Test(arguments: [1, 31, 32, 33, 64, 65, 2_000])
    func `no more than 32 messages of one peer are taken before others have their turn`(count: Int) async throws {
        let (numbers, atTurn) = try await burst(count)
        #expect(numbers == (1...UInt32(count)).map { $0 })
        let turns = zip([0] + atTurn, atTurn).map { $1 - $0 }
        // The system may cut the burst into pieces, and each has its own turn.
        #expect(turns.allSatisfy { $0 <= 32 }, "\(turns)")
        #expect(atTurn.last == count)
    }
}
