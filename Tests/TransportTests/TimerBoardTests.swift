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

    @Test func `a board that is let go of while timers are due fires none of the others`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let owner: NIOLoopBound<Owner> = try await loop.submit {
            let owner = Owner()
            for board in 0..<2 {
                owner.boards.append(
                    TimerBoard<Int>(eventLoop: loop) { [unowned owner] key in
                        owner.fired.append(key)
                        owner.boards = []
                    })
                for key in 0..<100 { owner.boards[board].start(100 * board + key, after: .milliseconds(1)) }
            }
            // All of them are due in the same round of the event loop.
            let now = NIODeadline.now()
            while NIODeadline.now() < now + .milliseconds(5) {}
            return NIOLoopBound(owner, eventLoop: loop)
        }.get()
        try await loop.scheduleTask(in: .milliseconds(20)) {}.futureResult.get()
        #expect(try await loop.submit { owner.value.fired.count }.get() == 1)
        // A callback that was not popped is cancelled with its board, so that the group ends at once.
        try await group.shutdownGracefully()
    }

    @Test func `a timer that is started by one that fires comes too, and the callback is moved to an earlier one`()
        async throws
    {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let done = loop.makePromise(of: [String].self)
        let owner: NIOLoopBound<Owner> = try await loop.submit {
            let owner = Owner()
            var fired: [String] = []
            owner.board = TimerBoard<String>(eventLoop: loop) { [unowned owner] key in
                fired.append(key)
                switch key {
                case "early": owner.board?.start("next", after: .zero)
                case "next": owner.board?.start("last", after: .milliseconds(200))
                case "last": done.succeed(fired)
                default: break
                }
            }
            owner.board?.start("hour", after: .seconds(3600))
            owner.board?.start("late", after: .milliseconds(300))
            owner.board?.start("early", after: .milliseconds(2))
            owner.board?.start("eternal", after: .nanoseconds(Int64.max))
            owner.board?.cancel("late")
            return NIOLoopBound(owner, eventLoop: loop)
        }.get()
        #expect(try await done.futureResult.get() == ["early", "next", "last"])
        #expect(try await loop.submit { owner.value.board?.count }.get() == 2)
        try await loop.submit { owner.value.board = nil }.get()
        try await group.shutdownGracefully()
    }

    @Test func `timers of a fifth of a second and more fire together within a tick, shorter ones to the nanosecond`() {
        let tick = TimerPrecision.tick
        for now in [0, 1, tick - 1, tick, 7 * tick + 3] {
            #expect(TimerPrecision.deadline(at: now, after: 199_999_999) == now + 199_999_999)
            let deadline = TimerPrecision.deadline(at: now, after: 200_000_000)
            #expect(deadline % tick == 0 && deadline >= now + 200_000_000 && deadline < now + 200_000_000 + tick)
        }
        #expect(TimerPrecision.deadline(at: 5, after: -1) == 5)
        #expect(TimerPrecision.deadline(at: 5, after: .max) == .max - 1)
    }

    @Test func `the earliest deadline comes first whatever was put in and taken out before`() {
        var state: UInt64 = 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var heap = DeadlineHeap()
        var model: [Int: Int64] = [:]
        for _ in 0..<20_000 {
            if model.isEmpty || next(5) < 3 {
                let deadline = Int64(next(500))
                let slot = heap.insert(deadline)
                #expect(model.updateValue(deadline, forKey: slot) == nil)
            } else if next(2) == 0, let first = heap.first {
                heap.remove(first.slot)
                model[first.slot] = nil
            } else if let slot = model.keys.sorted().dropFirst(next(model.count)).first {
                heap.remove(slot)
                model[slot] = nil
            }
            #expect(heap.count == model.count)
            #expect(heap.first?.deadline == model.values.min())
        }
    }

    private final class Owner {
        var boards: [TimerBoard<Int>] = []
        var board: TimerBoard<String>?
        var fired: [Int] = []
    }
}
