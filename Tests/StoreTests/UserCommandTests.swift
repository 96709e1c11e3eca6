import Glibc
import Lab
import Registration
import Store
import Testing

/// `sekisho user`, as an operator runs it.
@Suite struct UserCommandTests {
    private func sekisho(_ folder: Folder, _ arguments: String, input: String) throws -> Command.Result {
        let line = "\(Child.product("sekisho")) user \(arguments) --database \(folder.database) --realm example.net"
        return try Command.run(["sh", "-c", "printf '\(input)' | \(line)"])
    }

    @Test func `a user is added, listed, given a new password and removed`() throws {
        let folder = try Folder()
        let added = try sekisho(folder, "add alice", input: "secret-alice\\n")
        #expect(added.status == 0)
        #expect(added.output == "user added\n")
        #expect(folder.mode("registrar.db") == 0o600)
        #expect(folder.names.contains("registrar.db.backup"))
        let first = try folder.open().users(realm: Sample.realm)
        #expect(first.map(\.name) == [Array("alice".utf8)])
        // printf alice:example.net:secret-alice | sha256sum
        let digest = try Command.run(["sh", "-c", "printf alice:example.net:secret-alice | sha256sum"]).output.prefix(
            64)
        let hex = first[0].ha1SHA256.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == digest)
        #expect(first[0].ha1MD5 == nil)

        let again = try sekisho(folder, "add alice", input: "other-password")
        #expect(again.status == 64)
        #expect(again.output.contains("--replace"))
        #expect(try folder.open().users(realm: Sample.realm) == first)
        #expect(try sekisho(folder, "add alice --replace --md5", input: "other-password\\r\\n").status == 0)
        #expect(try folder.open().users(realm: Sample.realm) != first)

        #expect(try sekisho(folder, "add bob", input: "secret-bob").status == 0)
        let list = try sekisho(folder, "list", input: "").output
        #expect(
            list.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") } == [
                "alice SHA-256, MD5", "bob SHA-256",
            ])
        #expect(try sekisho(folder, "remove alice", input: "").output == "user removed\n")
        #expect(try sekisho(folder, "remove alice", input: "").status == 64)
        #expect(try folder.open().users(realm: Sample.realm).map(\.name) == [Array("bob".utf8)])
        for text in [added.output, again.output, list] {
            #expect(!text.contains("secret") && !text.contains("other-password") && !text.contains(hex))
        }
    }

    @Test(arguments: [
        ("add alice", "1234567", "8 to 128 octets"), ("add alice", "", "8 to 128 octets"),
        ("add alice", "12345\\t678", "no control characters"), ("add a:b", "secret-alice", "is invalid"),
        ("add alice", String(repeating: "x", count: 129), "8 to 128 octets"), ("list", "", "sekisho user add"),
        ("remove alice", "", "sekisho user add"), ("add", "secret-alice", "Missing expected argument"),
    ])
    func `what cannot be done is said, and nothing is made`(arguments: String, input: String, words: String) throws {
        let folder = try Folder()
        let result = try sekisho(folder, arguments, input: input)
        #expect(result.status != 0)
        #expect(result.output.contains(words), "\(result.output)")
        #expect(folder.names.isEmpty)
    }

    @Test func `passwords of 8 and of 128 octets are taken`() throws {
        let folder = try Folder()
        #expect(try sekisho(folder, "add a", input: "12345678").status == 0)
        #expect(try sekisho(folder, "add b", input: String(repeating: "x", count: 128) + "\\n").status == 0)
    }

    @Test func `database and realm come from the configuration`() throws {
        let folder = try Folder()
        let yaml = """
            name: gw.example.net
            listen: [{ transport: udp, address: 10.1.0.1 }]
            inside: [10.1.0.0/24]
            registrar: { domains: [example.net], database: \(folder.database), md5: true }

            """
        try folder.write(Array(yaml.utf8), to: "sekishod.yaml")
        let line = "\(Child.product("sekisho")) user add alice --config \(folder.path)/sekishod.yaml"
        #expect(try Command.run(["sh", "-c", "echo secret-alice | \(line)"]).status == 0)
        let user = try #require(try folder.open().users(realm: Sample.realm).first)
        #expect(user.ha1MD5?.count == 16)
        let without = yaml.split(separator: "\n").prefix(3).joined(separator: "\n")
        try folder.write(Array(without.utf8), to: "sekishod.yaml")
        let refused = try Command.run(["sh", "-c", "echo secret-alice | \(line)"])
        #expect(refused.status != 0)
        #expect(refused.output.contains("no section registrar"))
    }

    @Test(arguments: [("secret-alice", Int32(0)), ("secret-malice", 64)])
    func `on a terminal the password is asked for twice and not shown`(second: String, status: Int32) throws {
        let folder = try Folder()
        let terminal = try PseudoTerminal([
            Child.product("sekisho"), "user", "add", "alice", "--database", folder.database, "--realm", "example.net",
        ])
        terminal.wait(for: "Password: ")
        terminal.type("secret-alice\n")
        terminal.wait(for: "Again: ")
        terminal.type(second + "\n")
        #expect(terminal.end() == status)
        #expect(!terminal.screen.contains("secret"))
        #expect(terminal.screen.contains(status == 0 ? "user added" : "not the same"))
        #expect(folder.names.isEmpty == (status != 0))
    }

    @Test func `Ctrl-C at the prompt ends it, and the terminal shows what is typed again`() throws {
        let folder = try Folder()
        let terminal = try PseudoTerminal([
            "/bin/sh", "-c",
            "\(Child.product("sekisho")) user add alice --database \(folder.database) --realm r; echo code $?; stty -a",
        ])
        terminal.wait(for: "Password: ")
        terminal.type("secret\u{3}")
        #expect(terminal.end() == 0)
        #expect(terminal.screen.contains("code 130"))
        #expect(terminal.screen.contains(" echo ") && terminal.screen.contains("isig"))
        #expect(!terminal.screen.contains("secret"))
        #expect(folder.names.isEmpty)
    }
}
