import Foundation
import Lab
import Testing

/// The reference user agents, where a call has to be one that no other phone makes.
extension PeerBed {
    /// A user agent on the first host outside that answers one call at once.
    ///
    /// - Parameter transport: the only one that it listens by; nil for UDP and TCP.
    func answer(over transport: String?, _ more: [String] = []) throws -> Child {
        var line = [
            "\(Self.binaries)/sekisho", "ua", "answer", "--bind", host(outside, over: "udp"), "--media-port", "5000",
            "--calls", "1", "--show-messages",
        ]
        if let transport { line += ["--transport", transport] }
        let callee = try Child("callee", line + more, in: testbed.outside, directory: directory)
        try callee.expect("ready")
        return callee
    }

    /// A user agent inside that makes a call of a second.
    func call(_ uri: String, over transport: String, _ more: [String] = []) throws -> Child {
        let line = [
            "\(Self.binaries)/sekisho", "ua", "call", uri, "--from", "sip:alice@a.example.net", "--bind",
            host(inside, over: "udp"), "--proxy", host(near, over: "udp"), "--media-port", "4000", "--seconds", "1",
            "--transport", transport, "--show-messages", "--report", "\(directory)/caller.jsonl",
        ]
        return try Child("caller", line + more, in: testbed.inside, directory: directory)
    }

    /// Milliseconds from the INVITE of the caller's call until it was answered.
    func setup() throws -> Int {
        let text = try String(contentsOfFile: "\(directory)/caller.jsonl", encoding: .utf8)
        var times: [String: Int] = [:]
        for line in text.split(separator: "\n") {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            if let name = object?["event"] as? String, let time = object?["at_ms"] as? Int {
                times[name] = times[name] ?? time
            }
        }
        return try #require(times["established"]) - #require(times["began"])
    }
}
