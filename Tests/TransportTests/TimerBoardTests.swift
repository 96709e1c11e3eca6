import NIOCore
import NIOPosix
import Testing

@testable import Transport

@Suite(.timeLimit(.minutes(10))) struct TimerBoardTests {
    @Test func `a timer fires once, one that was started again fires late and one that was cancelled never`()
        async throws
    {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let done = loop.makePromise(of: [String].self)
        let board: NIOLoopBound<TimerBoard<String>> = try await loop.submit {
            var fired: [String] = []
            let board = TimerBoard<String>(eventLoop: loop) { key in
                fired.append(key)
                if key == "last" { done.succeed(fired) }
            }
            board.start("moved", after: .milliseconds(1))
            board.start("cancelled", after: .milliseconds(1))
            board.start("first", after: .milliseconds(2))
            board.start("moved", after: .milliseconds(20))
            board.start("negative", after: .seconds(-1))
            board.start("last", after: .milliseconds(40))
            board.cancel("cancelled")
            board.cancel("unknown")
            #expect(board.count == 4)
            return NIOLoopBound(board, eventLoop: loop)
        }.get()
        #expect(try await done.futureResult.get() == ["negative", "first", "moved", "last"])
        #expect(try await loop.submit { board.value.count }.get() == 0)
        try await group.shutdownGracefully()
    }
}
