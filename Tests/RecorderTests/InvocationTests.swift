import Testing

@testable import sekisho_recorderd

@Suite struct InvocationTests {
    @Test func `The least and the most that can be asked for`() throws {
        #expect(
            try Invocation(["--interface", "rec0", "--output", "/tmp"])
                == .record(Options(interface: "rec0", folder: "/tmp", snapLength: 65_535, maximumBytes: 1 << 30)))
        #expect(
            try Invocation(["--max-bytes", "24", "--snaplen", "96", "--output", "/tmp", "--interface", "rec0"])
                == .record(Options(interface: "rec0", folder: "/tmp", snapLength: 96, maximumBytes: 24)))
        #expect(try Invocation(["--interface", "--help"]) == .help)
    }

    @Test func `The help says what is not there`() {
        #expect(Invocation.helpText.contains("not decrypted"))
        #expect(Invocation.helpText.contains("neither encrypted nor sealed"))
    }

    @Test(arguments: [
        ("", "--interface: missing"), ("--interface rec0", "--output: missing"),
        ("--interface", "--interface: no value"),
        (
            "--interfaces rec0",
            "unknown option; allowed: --interface, --output, --snaplen, --max-bytes"
        ),
        ("--interface a --interface b", "--interface: given twice"),
        ("--interface a --output b --snaplen 95", "--snaplen: not a number; allowed: 96 to 262144"),
        ("--interface a --output b --snaplen 262145", "--snaplen: not a number; allowed: 96 to 262144"),
        ("--interface a --output b --snaplen 0x100", "--snaplen: not a number; allowed: 96 to 262144"),
        ("--interface a --output b --max-bytes 23", "--max-bytes: not a number; allowed: 24 to 1099511627776"),
        ("--interface a --output b --max-bytes -1", "--max-bytes: not a number; allowed: 24 to 1099511627776"),
        (
            "--interface a --output b --max-bytes 99999999999999999999",
            "--max-bytes: not a number; allowed: 24 to 1099511627776"
        ),
    ])
    func `A wrong command line is refused in one line`(_ line: String, _ reason: String) {
        #expect(throws: UsageError(reason: reason)) {
            try Invocation(line.split(separator: " ").map(String.init))
        }
    }
}
