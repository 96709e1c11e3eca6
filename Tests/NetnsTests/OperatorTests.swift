import Foundation
import Glibc
import Lab
import Testing
import Wire

/// The operator's own commands.
@Suite(.serialized) struct OperatorTests {
    @Test func `status and sessions tell an operator what is open and how much went through`() throws {
        let bed = try CallBed("operator")
        try bed.gateway.start()
        let program = "\(CallBed.binaries)/sekisho"
        let socket = ["--socket", bed.gateway.controlSocket]
        let idle = try Command.output([program, "status"] + socket)
        #expect(idle.contains("connected") && idle.contains("sessions  0"), "\(idle)")
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "5"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        usleep(1_000_000)
        let text = try Command.output([program, "sessions"] + socket)
        #expect(text.contains("open") && text.contains("SDP disclosed") && text.contains("10.2.0.2:5000"), "\(text)")
        let json = try Command.output([program, "sessions", "--json"] + socket)
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        let session = try #require((object?["sessions"] as? [[String: Any]])?.first)
        #expect(session["state"] as? String == "open" && session["sdp"] as? String == "disclosed")
        let pinholes = try #require(session["pinholes"] as? [[String: Any]])
        #expect(pinholes.count == 2)
        for direction in ["outward", "inward"] {
            let packets = pinholes.compactMap { ($0[direction] as? [String: Any])?["packets"] as? Int }
            #expect(packets.reduce(0, +) > 20, "\(direction): \(packets)")
        }
        let load = try Command.output([program, "top", "--count", "1", "--interval", "0.5"] + socket)
        let row = try #require(load.split(separator: "\n").first { $0.contains("sip:alice@") }, "\(load)")
        let rates = row.split(separator: " ").prefix(2).compactMap { Double($0) }
        #expect(rates.count == 2 && rates.allSatisfy { $0 > 10 }, "\(load)")
        #expect(caller.wait(seconds: 10) == 0, bed.story(caller, callee))
    }

    @Test func `a demonstration that is interrupted leaves nothing behind`() throws {
        let directory = "/tmp/sekisho-test-\(getpid())-ctrlc"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try interrupt(directory)
    }

    private func interrupt(_ directory: String) throws {
        let demo = try Child("demo", ["\(CallBed.binaries)/sekisho", "demo"], directory: directory)
        try demo.expect("2. INVITE", seconds: 120)
        let mine = "-\(demo.process)-demo-"
        #expect(try Command.output(["ip", "netns", "list"]).contains(mine))
        demo.signal(SIGINT)
        #expect(demo.wait(seconds: 20) == 130, "\(demo.text)")
        #expect(try !Command.output(["ip", "netns", "list"]).contains(mine))
        let left = try Command.run(["pgrep", "-f", "sekisho-test-\(demo.process)-demo"])
        #expect(left.status == 1, "still running: \(left.output)")
    }
}
