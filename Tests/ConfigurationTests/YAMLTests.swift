import Configuration
import Testing

@Suite struct YAMLTests {
    /// The error line for a whole file, without the file's name.
    private func line(_ octets: [UInt8]) -> String? {
        do {
            _ = try GateSettings(yaml: octets, file: "f")
            return nil
        } catch {
            return String(error.description.dropFirst(2))
        }
    }

    @Test(arguments: [
        ("", " the file is empty"),
        ("# nothing\n", " the file is empty"),
        ("a: b: c\n", "1:5: mapping values are not allowed in this context"),
        ("a: [1, 2\nb: 3\n", "2:2: did not find expected ',' or ']'"),
        ("a: 'x\n", "2:1: found unexpected end of stream"),
        ("\ta: 1\n", "1:1: found character that cannot start any token"),
        ("a: &x 1\n", "1:4: anchors are not allowed"),
        ("a: &x [1]\n", "1:4: anchors are not allowed"),
        ("a: &x { b: 1 }\n", "1:4: anchors are not allowed"),
        ("a: 1\nb: *x\n", "2:4: aliases are not allowed"),
        ("a: !!str 1\n", "1:4: tags are not allowed"),
        ("a: !!set { b: 1 }\n", "1:4: tags are not allowed"),
        ("%YAML 1.1\n---\na: 1\n", "1:1: directives are not allowed"),
        ("---\na: 1\n---\nb: 2\n", "3:1: a second document is not allowed"),
        ("? [a, b]\n: 1\n", "1:3: a key that is not text"),
        ("a: |\n  one\n  two\n", "1:4: a value with a line end or another control character"),
        ("a: \"\\0\"\n", "1:4: a value with a line end or another control character"),
        ("a: \"\\e[2J\"\n", "1:4: a value with a line end or another control character"),
        ("b: 1\na: 1\nb: 2\n", "3:1: b: given twice, first in line 1"),
        ("[a, b]\n", "1:1: not a set of keys; allowed: \(GateSettingsTests.keys)"),
        ("<<: { a: 1 }\n", "1:1: <<: unknown key; allowed: \(GateSettingsTests.keys)"),
        ("schlüssel: 1\n", "1:1: schl??ssel: unknown key; allowed: \(GateSettingsTests.keys)"),
        (
            "\(String(repeating: "k", count: 60)): 1\n",
            "1:1: \(String(repeating: "k", count: 40)): unknown key; allowed: \(GateSettingsTests.keys)"
        ),
    ])
    func `What a configuration file may not contain is refused where it stands`(_ text: String, _ expected: String) {
        #expect(line(Array(text.utf8)) == expected)
    }

    @Test func `Octets that are no UTF-8 are refused where they stand`() {
        #expect(line(Array("a: 1\nö: ".utf8) + [0xC3, 0x28]) == "2:5: invalid trailing UTF-8 octet")
        #expect(line([0xFF, 0xFE, 0x61, 0x00]) == "1:1: invalid leading UTF-8 octet")
        #expect(line([0x61, 0x3A, 0x20, 0x00]) == "1:4: control characters are not allowed")
    }

    @Test func `A byte order mark of UTF-8 is passed over`() {
        #expect(line([0xEF, 0xBB, 0xBF] + Array(GateSettingsTests.good.utf8)) == nil)
    }

    @Test func `Values may be nested 16 deep and not deeper`() {
        func nested(_ depth: Int) -> [UInt8] {
            // The file's own mapping is the first level.
            let lists = depth - 1
            return Array("a: \(String(repeating: "[", count: lists))\(String(repeating: "]", count: lists))\n".utf8)
        }
        #expect(line(nested(16)) == "1:1: a: unknown key; allowed: \(GateSettingsTests.keys)")
        #expect(line(nested(17)) == "1:19: nested more than 16 deep")
        #expect(line(Array(String(repeating: "[", count: 500_000).utf8)) == "1:17: nested more than 16 deep")
        #expect(line(Array(String(repeating: "{a: ", count: 100_000).utf8)) == "1:65: nested more than 16 deep")
    }

    @Test func `A file name with control characters stays on its line`() {
        let error = #expect(throws: ConfigurationError.self) { try GateSettings(yaml: [], file: "a\nb\u{1B}[2J") }
        #expect(error?.description == "a?b?[2J: the file is empty")
    }

    @Test func `No value of the file is repeated`() {
        let secret = "hunter2"
        for text in [
            "socket: \(secret)", "limits: \(secret)", "half_open: \(secret)", "inside: [\(secret)]",
            "half_open_rate: \(secret)", "media_ports: \(secret)", "socket: '\(secret)", "socket: &\(secret) a",
            "socket: *\(secret)", "socket: !\(secret) a", "%\(secret)\n---\na: 1", "socket: [\(secret)",
            "forbidden: [\(secret)]", "hole_timeout: { a: \(secret) }",
        ] {
            let line = line(Array(text.utf8))
            #expect(line?.contains(secret) == false, "\(text)")
        }
    }
}
