import Foundation
import Glibc
import Lab
import Testing
import Wire

/// Daemons that end and come back, by an upgrade or by a kill: the calls that are up do not notice.
@Suite(.serialized) struct RestartTests {
    enum Way: String, CaseIterable { case upgrade, kill, killBoth, loseTable }

    @Test(arguments: Way.allCases)
    func `a call loses no packet over a restart, and its BYE closes`(_ way: Way) throws {
        let bed = try CallBed("again\(Way.allCases.firstIndex(of: way) ?? 0)")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "3"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        let before = try bed.paths()
        usleep(500_000)
        switch way {
        case .upgrade: #expect(bed.gateway.proxy?.stop() == 0)
        case .kill, .loseTable: bed.kill(bed.gateway.proxy)
        case .killBoth:
            bed.kill(bed.gateway.gate)
            bed.kill(bed.gateway.proxy)
        }
        #expect(try bed.paths() == before)
        if way == .killBoth { try bed.gateway.startGate() }
        if way == .loseTable {
            // The gate goes, and its table with it: packets are lost until both are back.
            bed.gateway.gate?.stop()
            #expect(throws: (any Error).self) { try bed.gateway.table() }
            try bed.gateway.startGate()
        }
        try bed.gateway.startProxy()
        try bed.gateway.proxy?.expect("1 calls of the run before go on; 0 that were being set up are closed")
        #expect(try bed.eventually(seconds: 1) { try bed.paths() == before }, bed.story(caller, callee))
        #expect(try bed.status().sessions == 1)
        #expect(caller.wait(seconds: 15) == 0, bed.story(caller, callee))
        #expect(callee.wait(seconds: 15) == 0, bed.story(caller, callee))
        #expect(try bed.eventually(seconds: 1) { try bed.elements().isEmpty }, bed.story(caller, callee))
        #expect(try bed.status().sessions == 0)
        for name in ["caller", "callee"] where way != .loseTable {
            #expect(try bed.report(name).lost() == 0, bed.story(caller, callee))
            #expect(try bed.report(name).rtp("received", "call").count > 100, bed.story(caller, callee))
        }
        // Nothing is left for the next one either.
        try bed.gateway.restartProxy()
        #expect(bed.gateway.proxy?.text.contains("of the run before") == false)
    }

    @Test func `calls find their event loop, however many there are, and none is closed for a stranger's`() throws {
        let bed = try CallBed("loops")
        try bed.route("calls.example.net", toCalleeAt: 5080, over: "udp")
        try bed.gateway.start()
        let calls = try LiveCalls(40, over: "UDP", to: "calls.example.net", port: 5080, ports: 10_000, bed)
        let before = try bed.paths()
        #expect(before.count == 40 * 4)
        for loops in [3, 1] {
            bed.kill(bed.gateway.proxy)
            try bed.replace("event_loops: \(loops == 3 ? 1 : 3)", by: "event_loops: \(loops)")
            try bed.gateway.startProxy()
            #expect(try bed.eventually(seconds: 2) { try bed.status().sessions == 40 }, bed.story())
            usleep(300_000)
            #expect(try bed.paths() == before, bed.story())
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: bed.directory).filter { $0.hasPrefix("journal") }
                .allSatisfy { $0 == "journal.db" || $0 == "journal.db-wal" })
        for _ in 0..<40 { calls.hangUp() }
        #expect(
            try bed.eventually {
                try calls.handleWhatComes(milliseconds: 20)
                return calls.answered(200) == 40
            }, bed.story())
        #expect(try bed.elements().isEmpty)
        #expect(try bed.status().sessions == 0)
    }

    @Test func `whoever wants it so has every hole closed`() throws {
        let bed = try CallBed("closing")
        try bed.configure("keep_on_exit: false\n")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "20"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        #expect(bed.gateway.proxy?.stop() == 0)
        #expect(try bed.elements().isEmpty)
        #expect(access("\(bed.directory)/journal.db", F_OK) != 0)
    }

    @Test func `a journal that cannot be trusted or made is no reason not to start`() throws {
        let bed = try CallBed("garbage")
        let path = "\(bed.directory)/journal.db"
        try "this is no journal, and long enough to be one".write(toFile: path, atomically: false, encoding: .utf8)
        try bed.gateway.start()
        try bed.gateway.proxy?.expect("journal: not trusted: ")
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "20"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        bed.kill(bed.gateway.proxy)
        // Nobody has written of the call: what is open of it closes.
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        try bed.gateway.startProxy()
        #expect(try bed.eventually(seconds: 1) { try bed.elements().isEmpty }, bed.story(caller, callee))
        #expect(try FileManager.default.contentsOfDirectory(atPath: bed.directory).contains("journal.db.damaged"))
    }

    @Test func `a second sekishod does not take the calls of the first`() throws {
        let bed = try CallBed("second")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "20"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        let before = try bed.paths()
        let second = try Child(
            "second", ["\(CallBed.binaries)/sekishod", "--config", "\(bed.directory)/sekishod.yaml"],
            in: bed.testbed.gateway, directory: bed.directory)
        #expect(second.wait(seconds: 5) == 78)
        #expect(second.text.contains("journal.db"), bed.story(second))
        usleep(200_000)
        #expect(try bed.paths() == before)
    }
}

extension CallBed {
    /// SIGKILL, and the end of the process.
    func kill(_ child: Child?) {
        child?.signal(SIGKILL)
        _ = child?.wait(seconds: 2)
    }

    /// The keys of what is open: nothing that changes while it stays open.
    func paths() throws -> Set<String> {
        Set(
            try elements().map { element in
                let words = element.split { $0 == " " || $0 == "\t" }
                // The first of a map stands behind `elements = {`.
                let key = words.drop { $0 == "elements" || $0 == "=" || $0 == "{" }
                return key.prefix { $0 != "timeout" && $0 != "counter" && $0 != "limit" }.joined(separator: " ")
            })
    }

    /// Changes a line of the proxy's configuration.
    func replace(_ text: String, by other: String) throws {
        let path = "\(directory)/sekishod.yaml"
        let before = try String(contentsOfFile: path, encoding: .utf8)
        try #require(before.contains(text))
        try before.replacingOccurrences(of: text, with: other).write(toFile: path, atomically: false, encoding: .utf8)
    }
}
