import Foundation
import Glibc
import Lab
import Testing
import Wire

/// What one message may make the gateway send: row T10 of docs/threats.md, with the real daemons.
@Suite(.serialized) struct LoopTests {
    /// A proxy without a gate, on loopback, and its control socket.
    private struct Proxy {
        let child: Child
        let control: String

        init(
            _ name: String, at own: String, loopingTo other: String, in namespace: Namespace, _ directory: String
        ) throws {
            control = "\(directory)/\(name).sock"
            let path = "\(directory)/\(name).yaml"
            try """
            gate: \(directory)/none.sock
            control: \(control)
            journal: \(directory)/\(name).db
            name: \(name).example.net
            listen: [{ transport: udp, address: \(own) }]
            inside: [127.0.3.1/32]
            routes: [{ domain: loop.example.net, to: \(other) }]

            """.write(toFile: path, atomically: false, encoding: .utf8)
            child = try Child(
                name, ["\(CallBed.binaries)/sekishod", "--config", path], in: namespace, directory: directory)
            try child.expect("ready")
        }
    }

    @Test func `T10: two gateways that route to each other pass a request once each, then say 482`() throws {
        let directory = "/tmp/sekisho-test-\(getpid())-loop"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let namespace = try Namespace("loop")
        let first = try Proxy("first", at: "127.0.1.1", loopingTo: "127.0.2.1", in: namespace, directory)
        let second = try Proxy("second", at: "127.0.2.1", loopingTo: "127.0.1.1", in: namespace, directory)
        defer {
            first.child.stop()
            second.child.stop()
        }
        let phone = try PlainSocket(.udp, Endpoint(.v4(0x7F00_0301), 5070), in: namespace)
        for (number, method) in ["OPTIONS", "MESSAGE", "SUBSCRIBE"].enumerated() {
            var ask = Ask("loop-\(method)")
            (ask.method, ask.uri, ask.to) = (method, "sip:x@loop.example.net", "sip:x@loop.example.net")
            ask.via = "127.0.3.1:5070"
            phone.send(ask.text, to: Endpoint(.v4(0x7F00_0101), 5060))
            var answer = phone.receive(milliseconds: 5_000)
            while answer?.hasPrefix("SIP/2.0 1") == true { answer = phone.receive(milliseconds: 5_000) }
            #expect(answer?.hasPrefix("SIP/2.0 482") == true, "\(answer ?? "none") \(first.child.text)")
            // From the phone and from the second; from the first.
            #expect(try Status(socket: first.control)["requests"] == 2 * (number + 1))
            #expect(try Status(socket: second.control)["requests"] == number + 1)
        }
    }

    @Test func `T10: no datagram from nobody is answered by more than twice its octets`() throws {
        let bed = try CallBed("factor")
        try bed.addRegistrar()
        try bed.gateway.start()
        let methods = [
            "INVITE", "OPTIONS", "REGISTER", "MESSAGE", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "SUBSCRIBE",
        ]
        let uris = ["sip:gw.example.net", "sip:alice@home.example.net", "sip:10.2.0.1", "tel:+1"]
        var sockets: [(socket: PlainSocket, kind: String, octets: Int)] = []
        for (row, method) in methods.enumerated() {
            for (column, uri) in uris.enumerated() {
                let port = UInt16(20_000 + 10 * row + column)
                let socket = try PlainSocket(.udp, Endpoint(Host.stranger, port), in: bed.testbed.stranger)
                // As short as a request can be: what is short has the largest factor.
                let text =
                    "\(method) \(uri) SIP/2.0\r\nv: SIP/2.0/UDP 10.2.0.3:\(port);branch=z9hG4bK\(port)\r\n"
                    + "f: <sip:a@\(column == 1 ? "home.example.net" : "x.example")>;tag=1\r\nt: <\(uri)>\r\ni: \(port)\r\n"
                    + "CSeq: 1 \(method)\r\nl: 0\r\n\r\n"
                socket.send(text, to: Host.far)
                sockets.append((socket, "\(method) \(uri)", text.utf8.count))
            }
        }
        // Retransmissions of one answer are counted apart: an INVITE's goes on until it is acknowledged (RFC 3261 17.2.1).
        usleep(300_000)
        var answered = 0
        for (socket, kind, octets) in sockets {
            var answers = 0
            while let answer = socket.receive(milliseconds: 0) { answers += answer.utf8.count }
            if answers > 0 { answered += 1 }
            #expect(answers <= 2 * octets, "\(kind): \(answers) octets for \(octets)")
        }
        // The bound holds because answers are short, not because there are none.
        #expect(answered >= sockets.count / 2, "\(answered) of \(sockets.count)")
    }
}
