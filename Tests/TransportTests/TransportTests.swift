import NIOCore
import NIOPosix
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Transport

/// Real sockets on the loopback interface.
@Suite(.serialized, .timeLimit(.minutes(10))) struct TransportTests {
    static let loopbacks = [IPAddress.v4(0x7F00_0001), IPAddress.v6(0, 1)]

    // MARK: UDP

    @Test(arguments: loopbacks)
    func `a datagram comes in with its flow and goes back by it`(_ address: IPAddress) async throws {
        try await Bench.run { one in
            try await Bench.run { other in
                let (here, there) = (try await one.listen(.udp, address), try await other.listen(.udp, address))
                try await one.send(Sample.message(7, body: "hello"), to: Destination(.udp, there, local: here))
                let (message, flow) = try #require(try await other.messages(1).first)
                #expect(message.copy(message.body) == Array("hello".utf8))
                #expect(flow == Flow(transport: .udp, local: there, remote: here))
                try await other.send(Sample.message(8), to: Destination(.udp, flow.remote, local: flow.local))
                #expect(try await one.messages(1).first?.1 == Flow(transport: .udp, local: here, remote: there))
            }
        }
    }

    @Test func `a datagram of line ends is no message and one of nonsense is malformed`() async throws {
        try await Bench.run { one in
            try await Bench.run { other in
                let (here, there) = (try await one.listen(.udp), try await other.listen(.udp))
                for octets in [Array("\r\n\r\n".utf8), [0], Array("GET / HTTP/1.1\r\n\r\n".utf8), Sample.message()] {
                    try await one.send(octets, to: Destination(.udp, there, local: here))
                }
                let heard = try await other.hear(2)
                #expect(heard.count == 2)
                guard case .malformed = heard.first, case .message = heard.last else {
                    Issue.record("\(heard)")
                    return
                }
            }
        }
    }

    @Test func `the largest datagram goes through and one that no datagram holds fails`() async throws {
        try await Bench.run { one in
            try await Bench.run { other in
                let (here, there) = (try await one.listen(.udp), try await other.listen(.udp))
                // 65,535 octets less the headers of IPv4 and UDP.
                let head = Sample.message(1, body: "").count + 4
                let body = String(repeating: "x", count: 65_507 - head)
                try await one.send(Sample.message(1, body: body), to: Destination(.udp, there, local: here))
                #expect(try await other.messages(1).first?.0.body.count == body.utf8.count)
                let destination = Destination(.udp, there, local: here)
                try await one.send(Sample.message(1, body: body + "x"), to: destination)
                guard case .failed(destination) = try await one.hear(1).first else {
                    Issue.record("not failed")
                    return
                }
                #expect(try await one.counters().sendFailures == 1)
            }
        }
    }

    @Test func `without a socket of its family a datagram fails`() async throws {
        try await Bench.run { bench in
            _ = try await bench.listen(.udp)
            try await bench.send(Sample.message(), to: Destination(.udp, Endpoint(.v6(0, 1), 5060)))
            #expect(try await bench.hear(1).count == 1)
        }
    }

    @Test func `an ICMP error does not end the socket`() async throws {
        try await Bench.run { one in
            let here = try await one.listen(.udp)
            for _ in 0..<3 {
                try await one.send(Sample.message(), to: Destination(.udp, Endpoint(here.address, 1), local: here))
            }
            try await one.send(Sample.message(9), to: Destination(.udp, here, local: here))
            var isThere = false
            for _ in 0..<200 where !isThere {
                isThere = try await one.hear(1).contains { if case .message = $0 { true } else { false } }
                if !isThere { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(isThere)
        }
    }

    // MARK: TCP

    @Test(arguments: loopbacks)
    func `a connection is used both ways and again`(_ address: IPAddress) async throws {
        try await Bench.run { one in
            try await Bench.run { other in
                let there = try await other.listen(.tcp, address)
                for number in 1...3 { try await one.send(Sample.message(number), to: Destination(.tcp, there)) }
                let came = try await other.messages(3)
                #expect(came.map { $0.0.cseq.number } == [1, 2, 3])
                #expect(Set(came.map(\.1)).count == 1)
                #expect(try await one.connectionCount() == 1)
                let flow = try #require(came.first?.1)
                #expect(flow.local == there && flow.connection != nil)
                // Back on the connection by its number, and to the peer's address alike.
                try await other.send(Sample.message(4), to: Destination(.tcp, there, connection: flow.connection))
                try await other.send(Sample.message(5), to: Destination(.tcp, flow.remote))
                #expect(try await one.messages(2).map { $0.0.cseq.number } == [4, 5])
                #expect(try await other.connectionCount() == 1)
            }
        }
    }

    @Test func `a connection that is gone is made anew`() async throws {
        try await Bench.run { one in
            try await Bench.run { other in
                let there = try await other.listen(.tcp)
                try await one.send(Sample.message(1), to: Destination(.tcp, there, connection: 12_345))
                #expect(try await other.messages(1).count == 1)
            }
        }
    }

    @Test func `a connection that nobody accepts fails, and is told once for all messages that wait`() async throws {
        try await Bench.run { bench in
            // A port that was bound a moment ago and is no more.
            let gone = try await Bench().listenOnce()
            for _ in 0..<2 { try await bench.send(Sample.message(), to: Destination(.tcp, gone)) }
            let heard = try await bench.hear(1)
            for event in heard {
                guard case .failed(Destination(.tcp, gone)) = event else {
                    Issue.record("\(event)")
                    continue
                }
            }
            // The second message may have found the first one's connection gone already, and made another.
            while try await bench.connectionCount() > 0 { try await Task.sleep(for: .milliseconds(5)) }
            #expect(try await bench.counters().sendFailures >= 1)
        }
    }

    @Test func `TLS is refused until there is TLS`() async throws {
        try await Bench.run { bench in
            await #expect(throws: TransportError.self) { try await bench.listen(.tls) }
            try await bench.send(Sample.message(), to: Destination(.tls, Endpoint(.v4(0x7F00_0001), 5061)))
            #expect(try await bench.hear(2).count == 2)
        }
    }

    // MARK: Framing

    @Test func `messages are the same wherever the stream is split`() async throws {
        try await Bench.run { bench in
            let there = try await bench.listen(.tcp)
            let stream = Sample.message(1, body: "\r\n\r\nINVITE") + Sample.message(2)
            let splits = [1, 7, 35, 36, 37, stream.count / 2, stream.count - 3, stream.count - 1]
            var count = 0
            for split in splits {
                let peer = try await Peer.connect(to: there, on: bench.loop)
                try await peer.write(Array(stream[..<split]))
                // A second segment is sure to be one of its own once the first was acknowledged by the loop.
                try await bench.loop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
                try await peer.write(Array(stream[split...]))
                count += 2
                let came = try await bench.messages(count).suffix(2)
                #expect(came.map { $0.0.cseq.number } == [1, 2], "split at \(split)")
                #expect(came.first.map { $0.0.copy($0.0.body) } == Array("\r\n\r\nINVITE".utf8))
                try await peer.close()
            }
        }
    }

    @Test func `a ping is answered`() async throws {
        try await Bench.run { bench in
            let peer = try await Peer.connect(to: try await bench.listen(.tcp), on: bench.loop)
            try await peer.write(Array("\r\n\r\n".utf8))
            #expect(try await peer.read(2) == Array("\r\n".utf8))
            try await peer.close()
        }
    }

    @Test(arguments: [
        "POST / HTTP/1.1\r\nHost: gw\r\nContent-Length: 10000\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        "\u{16}\u{03}\u{01}\u{02}",
        "SSH-2.0-x\r\n", "INVITE\u{0}", " INVITE sip:x SIP/2.0\r\n", "\r\rINVITE",
        "OPTIONS sip:x SIP/2.0\r\nContent-Length: 4294967328\r\n\r\n",
        "OPTIONS sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        "OPTIONS sip:x SIP/2.0\r\nContent-Length: 1\r\nl: 1\r\n\r\n",
        "OPTIONS sip:x SIP/2.0\r\nContent-Length: 65537\r\n\r\n",
        "OPTIONS sip:x SIP/2.0\r\nVia: x\r\n\r\n",
    ])
    func `what is not SIP is closed and nothing after it is read`(_ start: String) async throws {
        try await Bench.run { bench in
            let peer = try await Peer.connect(to: try await bench.listen(.tcp), on: bench.loop)
            try? await peer.write(Array(start.utf8) + Sample.message())
            try await peer.closed()
            let heard = try await bench.hear(1)
            #expect(heard.allSatisfy { if case .malformed = $0 { true } else { false } })
            #expect(try await bench.counters().framingErrors == 1)
            #expect(try await bench.connectionCount() == 0)
        }
    }

    // MARK: Limits

    @Test func `a peer that drips is closed, and one that behaves is not`() async throws {
        try await Bench.run({ $0.messageSeconds = 1 }) { bench in
            let there = try await bench.listen(.tcp)
            let (slow, silent) = (
                try await Peer.connect(to: there, on: bench.loop), try await Peer.connect(to: there, on: bench.loop)
            )
            let good = try await Peer.connect(to: there, on: bench.loop)
            try await good.write(Sample.message(1))
            let dripping = Task {
                for octet in Sample.message(2) {
                    try await slow.write([octet])
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
            try await slow.closed()
            try await silent.closed()
            dripping.cancel()
            try await good.write(Sample.message(3))
            #expect(try await bench.messages(2).map { $0.0.cseq.number } == [1, 3])
            #expect(try await bench.counters().slowConnections == 2)
            try await good.close()
        }
    }

    @Test func `as many connections of one source as allowed, and one more`() async throws {
        try await Bench.run({ $0.connectionsPerSource = 3 }) { bench in
            let there = try await bench.listen(.tcp)
            var peers: [Peer] = []
            for number in 1...3 {
                peers.append(try await Peer.connect(to: there, on: bench.loop))
                try await peers[number - 1].write(Sample.message(number))
                _ = try await bench.messages(number)
            }
            let refused = try await Peer.connect(to: there, on: bench.loop)
            try await refused.closed()
            #expect(try await bench.counters().connectionsRefused == 1)
            #expect(try await bench.connectionCount() == 3)
            // A place that comes free is given away again.
            try await peers[0].close()
            while try await bench.connectionCount() == 3 { await Task.yield() }
            let next = try await Peer.connect(to: there, on: bench.loop)
            try await next.write(Sample.message(4))
            #expect(try await bench.messages(4).count == 4)
        }
    }

    @Test func `as many connections as allowed, and one more`() async throws {
        try await Bench.run({ $0.connections = 2 }) { bench in
            let there = try await bench.listen(.tcp)
            for number in 1...2 {
                try await Peer.connect(to: there, on: bench.loop).write(Sample.message(number))
                _ = try await bench.messages(number)
            }
            try await Peer.connect(to: there, on: bench.loop).closed()
            #expect(try await bench.counters().connectionsRefused == 1)
            // Nor is one made.
            try await bench.send(Sample.message(), to: Destination(.tcp, Endpoint(there.address, 1)))
            guard case .failed = try await bench.hear(3).last else {
                Issue.record("not failed")
                return
            }
        }
    }

    @Test func `a peer that does not read is closed`() async throws {
        try await Bench.run({ $0.pendingOctets = 65_536 }) { bench in
            let peer = try await Peer.connect(to: try await bench.listen(.tcp), on: bench.loop, reads: false)
            try await peer.write(Sample.message(1))
            let flow = try #require(try await bench.messages(1).first?.1)
            let destination = Destination(.tcp, flow.remote, connection: flow.connection)
            let large = Sample.message(2, body: String(repeating: "x", count: 60_000))
            // More than the kernel's buffers of both ends and the limit take.
            var sent = 0
            while try await bench.counters().stalledConnections == 0, sent < 2_000 {
                try await bench.send(large, to: destination)
                sent += 1
            }
            #expect(try await bench.counters().stalledConnections == 1)
            guard case .failed = try await bench.hear(2).last else {
                Issue.record("not failed")
                return
            }
            while try await bench.connectionCount() > 0 { await Task.yield() }
            try await peer.close()
        }
    }

    /// What a peer that resets its connection brings about too: writing the answer finds the end, not reading.
    @Test func `a connection that ends while its messages are handed on is not held by its clock`() async throws {
        try await Bench.run({ $0.pendingOctets = 65_536 }) { bench in
            let peer = try await Peer.connect(to: try await bench.listen(.tcp), on: bench.loop, reads: false)
            // More than the kernel's buffers take: the second answer finds a peer that does not read.
            try await bench.answerEach(with: [UInt8](repeating: 0x78, count: 16 << 20))
            try await peer.write(Sample.message(1) + Sample.message(2))
            _ = try await bench.messages(2)
            #expect(try await bench.counters().stalledConnections == 1)
            while try await bench.connectionCount() > 0 { await Task.yield() }
            let end = ContinuousClock.now + .seconds(5)
            while try await bench.holdsAnswered(), .now < end { await Task.yield() }
            #expect(try await !bench.holdsAnswered())
            try await peer.close()
        }
    }

    @Test func `a connection that ends in the middle of a message leaves nothing behind`() async throws {
        try await Bench.run { bench in
            let there = try await bench.listen(.tcp)
            for number in 1...20 {
                let peer = try await Peer.connect(to: there, on: bench.loop)
                try await peer.write(Sample.message(number) + Array(Sample.message(0).prefix(number * 5)))
                _ = try await bench.messages(number)
                try await peer.close()
            }
            while try await bench.connectionCount() > 0 { await Task.yield() }
            #expect(try await bench.counters().framingErrors == 0)
        }
    }
}

extension Bench {
    /// An endpoint that was listened on and is free again.
    func listenOnce() async throws -> Endpoint {
        let endpoint = try await listen(.tcp)
        try await stop()
        return endpoint
    }
}
