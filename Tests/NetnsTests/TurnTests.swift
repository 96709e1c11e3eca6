import Glibc
import Lab
import Testing

/// Testbeds take turns on a machine; who waits says so, and can be told to stop.
@Suite(.serialized) struct TurnTests {
    @Test(arguments: [SIGINT, SIGTERM])
    func `a demonstration that waits for its turn says so, and ends at once when told to`(_ number: Int32) throws {
        let directory = "/tmp/sekisho-test-\(getpid())-turn"
        try Command.output(["mkdir", "-p", directory])
        defer { _ = try? Command.run(["rm", "-rf", directory]) }
        // Has the turn until the end of the test.
        let testbed = try GatewayTestbed("turn")
        let demo = try Child("demo", ["\(CallBed.binaries)/sekisho", "demo"], directory: directory)
        try demo.expect("Waiting for another demonstration or test")
        demo.signal(number)
        #expect(demo.wait(seconds: 5) == 130, "\(demo.text)")
        #expect(demo.text.contains("interrupted"), "\(demo.text)")
        #expect(try !Command.output(["ip", "netns", "list"]).contains("-\(demo.process)-demo-"))
        #expect(try !Command.output(["ls", "/tmp"]).contains("sekisho-test-\(demo.process)-demo"))
        withExtendedLifetime(testbed) {}
    }
}
