import Foundation
import Glibc
import Lab
import Testing

/// What keeps a daemon from starting is told in one line, with the place in its configuration and what to do.
@Suite(.serialized) struct StartTests {
    /// A folder with the files that a configuration names, removed afterwards.
    private final class Folder {
        let path: String
        private var runs = 0

        init(_ name: String) throws {
            path = "/tmp/sekisho-test-\(getpid())-start-\(name)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ text: String, to name: String) throws {
            try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
        }

        /// An identity on P-256 by the openssl command: NAME.pem and NAME.key.
        func makeIdentity(_ name: String, curve: String = "P-256") throws {
            try Command.output([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:\(curve)", "-nodes", "-days",
                "1", "-subj", "/CN=gw.example.net", "-keyout", "\(path)/\(name).key", "-out", "\(path)/\(name).pem",
            ])
        }

        /// Runs a daemon that has to end by itself; what it wrote, without its name, and how it ended.
        func run(
            _ daemon: String, _ configuration: String, _ arguments: [String] = [], prefix: [String] = [],
            in namespace: Namespace? = nil
        ) throws -> (text: String, status: Int32?) {
            runs += 1
            try write(configuration, to: "c.yaml")
            let child = try Child(
                "\(daemon)-\(runs)",
                prefix + ["\(CallBed.binaries)/\(daemon)", "--config", "\(path)/c.yaml"] + arguments, in: namespace,
                directory: path)
            let status = child.wait(seconds: 10)
            return (child.text.replacing("\(daemon): ", with: "").replacing("\(path)/", with: ""), status)
        }

        func proxy(
            certificate: String = "good.pem", key: String = "good.key", control: String = "c.sock",
            listener: String = "address: 127.0.0.1, port: 45060"
        ) -> String {
            """
            control: \(path)/\(control)
            name: gw.example.net
            listen: [{ transport: tcp, \(listener) }]
            inside: [10.1.0.0/24]
            disclosure:
              identities:
                - certificate: \(path)/\(certificate)
                  key: \(path)/\(key)

            """
        }
    }

    /// A process that may do nothing that not every process may, though it is root's.
    private static let unprivileged = ["setpriv", "--inh-caps", "-all", "--bounding-set", "-all"]

    @Test(arguments: [
        ("absent.pem", "good.key", "7:20: disclosure.identities[0].certificate: cannot be read: No such file"),
        ("good.pem", "absent.key", "8:12: disclosure.identities[0].key: cannot be read: No such file"),
        (".", "good.key", "7:20: disclosure.identities[0].certificate: a directory"),
        ("good.pem", ".", "8:12: disclosure.identities[0].key: a directory"),
        ("fifo", "good.key", "7:20: disclosure.identities[0].certificate: not a regular file"),
        ("good.pem", "fifo", "8:12: disclosure.identities[0].key: not a regular file"),
        ("good.key", "good.key", "7:20: disclosure.identities[0].certificate: no certificate in PEM"),
        ("good.pem", "good.pem", "8:12: disclosure.identities[0].key: no private key in PEM without a passphrase"),
        ("p384.pem", "p384.key", "7:20: disclosure.identities[0].certificate: the EC key does not name P-256"),
        ("good.pem", "other.key", "8:12: disclosure.identities[0].key: the key of another certificate"),
        ("shut", "good.key", "7:20: disclosure.identities[0].certificate: cannot be read: Permission denied for user"),
        ("good.pem", "shut", "8:12: disclosure.identities[0].key: cannot be read: Permission denied for user"),
    ])
    func `a certificate or key that cannot be used is named by the line of its path`(
        _ certificate: String, _ key: String, _ text: String
    ) throws {
        let folder = try Folder("identity")
        try folder.makeIdentity("good")
        try folder.makeIdentity("other")
        try folder.makeIdentity("p384", curve: "P-384")
        try Command.output([
            "sh", "-ec", "cd \(folder.path); mkfifo fifo; touch shut; chown 65534 shut; chmod 600 shut",
        ])
        let good = try folder.run("sekishod", folder.proxy(), ["--check"])
        #expect(good.text == "c.yaml: good\n" && good.status == 0)
        let bad = try folder.run(
            "sekishod", folder.proxy(certificate: certificate, key: key), ["--check"], prefix: Self.unprivileged)
        #expect(bad.text.hasPrefix("c.yaml:\(text)") && bad.text.contains("; allowed: a file with "), "\(bad)")
        #expect(bad.text.split(separator: "\n").count == 1 && bad.status == 78, "\(bad)")
    }

    @Test(arguments: [
        ("address: 192.0.2.7", "3:37: listen[0].address: no interface of this machine has this address; allowed: "),
        ("address: 127.0.0.1, port: 1023", "3:54: listen[0].port: TCP port 1023 needs CAP_NET_BIND_SERVICE"),
    ])
    func `a listener that cannot be had is named by its line, and a privilege by its name`(
        _ listener: String, _ text: String
    ) throws {
        let folder = try Folder("listener")
        try folder.makeIdentity("good")
        let namespace = try Namespace("start")
        let bad = try folder.run(
            "sekishod", folder.proxy(listener: listener), prefix: Self.unprivileged, in: namespace)
        #expect(bad.text.hasPrefix("c.yaml:\(text)"), "\(bad)")
        #expect(bad.text.split(separator: "\n").count == 1 && bad.status == 69, "\(bad)")
    }

    @Test(arguments: [
        ("absent/c.sock", "1:10: control: there is no directory absent; allowed: "),
        ("shut/c.sock", "1:10: control: user root may not write in directory shut; allowed: "),
        ("good.pem", "1:10: control: what is there is not a socket; remove it; allowed: "),
    ])
    func `a control socket that cannot be made is told with its directory`(_ control: String, _ text: String) throws {
        let folder = try Folder("control")
        try folder.makeIdentity("good")
        try Command.output(["sh", "-ec", "cd \(folder.path); mkdir shut; chown 65534 shut; chmod 755 shut"])
        let namespace = try Namespace("start")
        let bad = try folder.run(
            "sekishod", folder.proxy(control: control), prefix: Self.unprivileged, in: namespace)
        #expect(bad.text.hasPrefix("c.yaml:\(text)"), "\(bad)")
        #expect(bad.text.split(separator: "\n").count == 1 && bad.status == 69, "\(bad)")
    }

    @Test func `a route that no listener serves is refused by --check`() throws {
        let folder = try Folder("route")
        try folder.makeIdentity("good")
        let route = "routes: [{ domain: b.example.net, to: 10.2.0.2 }]\n"
        let bad = try folder.run("sekishod", folder.proxy() + route, ["--check"])
        #expect(
            bad.text == "c.yaml:9:10: routes[0]: no listener for udp over IPv4; "
                + "allowed: tcp over IPv4, or one more under listen\n")
        #expect(bad.status == 78)
    }

    @Test(arguments: [["--check"], []])
    func `a gate whose user does not exist says so`(_ arguments: [String]) throws {
        let folder = try Folder("user")
        let text = """
            inside: { interface: lan0, prefixes: [10.1.0.0/24] }
            outside: { interface: wan0 }
            socket: \(folder.path)/g.sock
            allow_user: nobody-of-that-name

            """
        let bad = try folder.run("sekisho-gated", text, arguments)
        #expect(bad.text.hasPrefix("c.yaml:4:13: allow_user: there is no such user; allowed: a user of this machine"))
        #expect(bad.text.split(separator: "\n").count == 1 && bad.status == 2, "\(bad)")
    }

    @Test func `a gate whose socket cannot be made names the directory`() throws {
        let folder = try Folder("gate")
        let text = """
            inside: { interface: lan0, prefixes: [10.1.0.0/24] }
            outside: { interface: wan0 }
            socket: \(folder.path)/absent/g.sock
            allow_user: 0

            """
        let bad = try folder.run("sekisho-gated", text)
        #expect(bad.text.hasPrefix("cannot start: c.yaml:3:9: socket: there is no directory absent; allowed: "))
        #expect(bad.text.split(separator: "\n").count == 1 && bad.status == 1, "\(bad)")
    }
}
