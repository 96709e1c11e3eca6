import Glibc
import Lab

/// Work on a thread of its own, beside the test.
final class Background {
    private final class Job: Sendable {
        let body: @Sendable () throws -> Void

        init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }
    }

    private var thread = pthread_t()

    /// Starts the work.
    init(_ body: @escaping @Sendable () throws -> Void) throws {
        let context = Unmanaged.passRetained(Job(body)).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                do {
                    try Unmanaged<Job>.fromOpaque(context).takeRetainedValue().body()
                    return nil
                } catch {
                    // Any value but nil says that it failed.
                    return context
                }
            }, context)
        guard code == 0 else { throw Command.Failure(description: "pthread_create: errno \(code)") }
    }

    /// Waits for its end.
    func join() throws {
        var failure: UnsafeMutableRawPointer?
        pthread_join(thread, &failure)
        guard failure == nil else { throw Command.Failure(description: "the work beside the test failed") }
    }
}
