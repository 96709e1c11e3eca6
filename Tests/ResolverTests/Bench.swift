import NIOCore
import NIOPosix
import Resolver
import SIPTransactions
import ServerLocation
import Wire

/// A resolver on a loop of its own. `@unchecked Sendable`: the resolver is touched on the loop only.
final class Bench: @unchecked Sendable {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private var resolver: HostResolver?

    var loop: any EventLoop { group.next() }

    init(_ servers: [Endpoint], _ change: (inout ResolverLimits) -> Void = { _ in }) {
        var limits = ResolverLimits()
        change(&limits)
        resolver = HostResolver(eventLoop: group.next(), limits: limits, servers: servers)
    }

    /// What a look-up ends with: destinations as text, or the error as text.
    struct Outcome: Equatable, Sendable {
        var found: [String] = []
        var error: String?
    }

    /// Begins a look-up.
    func begin(_ target: LookupTarget) -> EventLoopFuture<Outcome> {
        loop.flatSubmit { [self] in
            let promise = loop.makePromise(of: Outcome.self)
            resolver?.locate(target) { result in
                switch result {
                case .success(let list):
                    promise.succeed(Outcome(found: list.map { "\($0.transport) \($0.remote)" }))
                case .failure(let error):
                    promise.succeed(Outcome(error: error.description))
                }
            }
            return promise.futureResult
        }
    }

    func locate(_ target: LookupTarget) async throws -> Outcome { try await begin(target).get() }

    /// Counters and the number of questions under way.
    func counters() async throws -> (ResolverCounters, underWay: Int) {
        try await loop.submit { [self] in
            (resolver?.counters ?? ResolverCounters(), resolver?.questionsUnderWay ?? 0)
        }.get()
    }

    /// Returns when no thread asks any more.
    func settle() async throws {
        while try await counters().underWay > 0 { try await Task.sleep(for: .milliseconds(10)) }
    }

    /// Runs a body with a bench and ends it whatever happens.
    static func run(
        _ servers: [Endpoint], _ change: (inout ResolverLimits) -> Void = { _ in }, _ body: (Bench) async throws -> Void
    ) async throws {
        let bench = Bench(servers, change)
        do {
            try await body(bench)
        } catch {
            try await bench.stop()
            throw error
        }
        try await bench.stop()
    }

    func close() async throws {
        try await loop.flatSubmit { self.resolver?.close() ?? self.loop.makeSucceededVoidFuture() }.get()
    }

    func stop() async throws {
        try await close()
        try await loop.submit { self.resolver = nil }.get()
        try await group.shutdownGracefully()
    }
}

extension LookupTarget {
    init(
        _ scheme: Scheme, _ host: String, port: UInt16? = nil, _ transport: TransportParameter? = nil,
        acceptsLoopback: Bool = false
    ) {
        self.init(
            scheme, Array(host.utf8), port: port, transport: transport, supported: .init(rawValue: 0x3F),
            acceptsLoopback: acceptsLoopback)
    }
}
