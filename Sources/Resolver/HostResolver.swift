import CLinux
import Glibc
public import NIOCore
import NIOPosix
public import SIPTransactions
public import ServerLocation
public import Wire

/// Finds the servers of SIP targets by the system's resolver, without making the event loop wait.
///
/// Confined to its event loop; every entry point says so by a precondition. A few threads ask; equal questions are asked
/// once; answers are kept. What is decided, `ServerLookup` decides.
public final class HostResolver {
    /// What a look-up ends with: destinations in the order to try them, or why there are none.
    public typealias Completion = (Result<[Destination], ServerLookupError>) -> Void

    /// A question that a thread asks, or that waits for a thread.
    private struct PendingQuestion {
        /// Look-ups that wait for the answer; none when all have given up.
        var waiting: [UInt64]
        var patience: Scheduled<Void>
    }

    private let eventLoop: any EventLoop
    private let limits: ResolverLimits
    private let pool: NIOThreadPool
    private let system: SystemResolver
    private var cache = ResolutionCache()
    private var pending: [Question: PendingQuestion] = [:]
    private var lookups: [UInt64: (machine: ServerLookup, completion: Completion)] = [:]
    private var lastLookup: UInt64 = 0

    /// What was done so far.
    public private(set) var counters = ResolverCounters()

    /// - Parameters:
    ///   - eventLoop: where everything happens but the waiting.
    ///   - limits: threads, questions, times.
    ///   - servers: IPv4 name servers instead of those of /etc/resolv.conf, at most three.
    public init(eventLoop: any EventLoop, limits: ResolverLimits = ResolverLimits(), servers: [Endpoint] = []) {
        self.eventLoop = eventLoop
        self.limits = limits
        system = SystemResolver(limits: limits, servers: servers)
        pool = NIOThreadPool(numberOfThreads: max(1, limits.threads))
        pool.start()
    }

    deinit { pool.shutdownGracefully { _ in } }

    /// Finds the servers of a target.
    ///
    /// - Parameter completion: called once, on the event loop, after this function has returned; never when the resolver
    ///   is gone before. Failover (RFC 3263 section 4.3) is the caller's: the next destination of the list.
    public func locate(_ target: LookupTarget, completion: @escaping Completion) {
        eventLoop.preconditionInEventLoop()
        counters.lookups += 1
        guard lookups.count < max(1, limits.lookups) else {
            counters.overloaded += 1
            counters.lookupsFailed += 1
            let error = ServerLookupError(DomainName(target.host.span), nil, .failed(.overloaded))
            return eventLoop.assumeIsolated().execute { completion(.failure(error)) }
        }
        lastLookup += 1
        let id = lastLookup
        var machine = ServerLookup(target, seed: .random(in: .min ... .max))
        let step = machine.begin()
        lookups[id] = (machine, completion)
        perform(step, of: id)
    }

    /// Questions that a thread asks or that wait for one.
    public var questionsUnderWay: Int { pending.count }

    /// Ends every look-up with a failure, and the threads when the servers that they wait for have answered or not.
    public func close() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        for (question, entry) in pending {
            entry.patience.cancel()
            pending[question] = nil
            give(.failed(.system(ECANCELED)), to: question, entry.waiting)
        }
        let closed = eventLoop.makePromise(of: Void.self)
        pool.shutdownGracefully { error in
            if let error { closed.fail(error) } else { closed.succeed() }
        }
        return closed.futureResult
    }

    // MARK: Look-ups

    /// Does what a look-up wants next. Answers from the cache lead straight to the next step; a look-up has three at most.
    private func perform(_ step: ServerLookup.Step, of id: UInt64) {
        switch step {
        case .ask(let questions): for question in questions { ask(question, for: id) }
        case .wait: break
        case .found(let destinations): finish(id, .success(destinations))
        case .failed(let error): finish(id, .failure(error))
        }
    }

    private func finish(_ id: UInt64, _ result: Result<[Destination], ServerLookupError>) {
        guard let completion = lookups.removeValue(forKey: id)?.completion else { return }
        if case .failure = result { counters.lookupsFailed += 1 }
        eventLoop.assumeIsolated().execute { completion(result) }
    }

    private func give(_ answer: Answer, to question: Question, _ waiting: [UInt64]) {
        for id in waiting {
            guard let step = lookups[id]?.machine.take(answer, to: question) else { continue }
            perform(step, of: id)
        }
    }

    // MARK: Questions

    private func ask(_ question: Question, for id: UInt64) {
        if let answer = cache.answer(to: question, at: Self.now) {
            counters.cached += 1
            give(answer, to: question, [id])
        } else if var entry = pending[question] {
            counters.joined += 1
            if entry.waiting.isEmpty { entry.patience = losePatience(with: question) }
            entry.waiting.append(id)
            pending[question] = entry
        } else if pending.count >= max(1, limits.questions) {
            counters.overloaded += 1
            give(.failed(.overloaded), to: question, [id])
        } else {
            counters.asked += 1
            pending[question] = PendingQuestion(waiting: [id], patience: losePatience(with: question))
            start(question)
        }
    }

    private func start(_ question: Question) {
        let system = system
        pool.runIfActive(eventLoop: eventLoop) { system.answer(to: question) }
            .assumeIsolated()
            .whenComplete { [weak self] result in
                switch result {
                case .success(let answer): self?.answered(question, answer)
                // The threads have been told to end.
                case .failure: self?.answered(question, .failed(.system(ECANCELED)))
                }
            }
    }

    /// A thread is back. Its answer is worth keeping also when nobody waits any more.
    private func answered(_ question: Question, _ answer: Answer) {
        guard let entry = pending.removeValue(forKey: question) else { return }
        entry.patience.cancel()
        if case .failed(.malformed) = answer { counters.malformed += 1 }
        cache.keep(answer, to: question, at: Self.now)
        give(answer, to: question, entry.waiting)
    }

    /// Whoever waits for a question is told that it failed when its time is over. The question keeps its place until its
    /// thread is back: a dead name server cannot make more of them wait than there is room for.
    private func losePatience(with question: Question) -> Scheduled<Void> {
        eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(limits.patience.wholeNanoseconds)) { [weak self] in
            guard let self, let waiting = pending[question]?.waiting else { return }
            pending[question]?.waiting = []
            counters.timedOut += 1
            give(.failed(.timedOut), to: question, waiting)
        }
    }

    private static var now: MonotonicTime { MonotonicTime(nanoseconds: CLinux_boottime()) }
}
