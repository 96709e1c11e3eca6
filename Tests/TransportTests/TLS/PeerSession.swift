import Crypto
import NIOCore
import Wire

@testable import Transport

extension Peer {
    /// Lets a session of the test shake hands over the peer's plain connection.
    func shakeHands(_ session: TLSSession) async throws {
        var taken = 0
        try session.advance()
        while session.state == .handshaking {
            try await flush(session)
            let octets = try await read(taken + 1)
            let new = Array(octets[taken...])
            taken = octets.count
            let span = new.span
            try session.feed(span)
            try session.advance()
        }
        try await flush(session)
    }

    /// Sends plaintext by the session.
    func send(_ plaintext: [UInt8], _ session: TLSSession) async throws {
        let span = plaintext.span
        try session.write(span)
        try await flush(session)
    }

    func startReading() async throws { try await channel?.setOption(.autoRead, value: true).get() }

    func stopReading() async throws { try await channel?.setOption(.autoRead, value: false).get() }

    private func flush(_ session: TLSSession) async throws {
        let octets = [UInt8](unsafeUninitializedCapacity: session.pendingOctets) { octets, count in
            count = session.takePending(into: UnsafeMutableRawBufferPointer(octets))
        }
        if !octets.isEmpty { try await write(octets) }
    }
}

extension Bench {
    /// Waits until the number of connections is as wanted.
    func settle(_ isGood: (Int) -> Bool) async throws {
        for _ in 0..<500 {
            if isGood(try await connectionCount()) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw TransportError.noAddress
    }
}
