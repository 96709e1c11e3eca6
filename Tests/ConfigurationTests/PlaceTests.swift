import Configuration
import Glibc
import Testing
import Wire

/// Errors that only the use of a value shows are told with the place of the value.
@Suite struct PlaceTests {
    private func proxy(_ text: String = ProxySettingsTests.good) throws -> ProxySettings {
        try ProxySettings(yaml: Array(text.utf8), file: "sekishod.yaml")
    }

    @Test(arguments: [
        (0, EADDRNOTAVAIL, "6:32: listen[0].address: no interface of this machine has this address"),
        (1, EADDRNOTAVAIL, "7:32: listen[1].address: no interface of this machine has this address"),
        (0, EACCES, "6:48: listen[0].port: UDP port 5060 needs CAP_NET_BIND_SERVICE"),
        (1, EADDRINUSE, "7:51: listen[1].port: another program has TCP port 5070 of this address"),
        (1, ENOBUFS, "7:32: listen[1].address: cannot be listened on: No buffer space available"),
    ])
    func `A listener that cannot be bound is named by its line and key`(
        _ index: Int, _ code: Int32, _ text: String
    ) throws {
        let error = try proxy().listeners[index].bindError(code: code)
        #expect(error.description.hasPrefix("sekishod.yaml:\(text)"), "\(error)")
        #expect(error.description.contains("; allowed: ") == (code != ENOBUFS))
    }

    @Test func `What a file leaves out is named by where its section begins`() throws {
        let settings = try proxy(
            """
            # The least that is needed.
            name: gw.example.net
            listen:
              - { transport: udp, address: 10.1.0.1 }
            inside: [10.1.0.0/24]
            """)
        #expect(
            try #require(settings.listeners.first).bindError(code: EACCES).description
                .hasPrefix("sekishod.yaml:4:5: listen[0].port: UDP port 5060 needs"))
        #expect(
            settings.controlPlace.unixSocketError(settings.control, code: ENOENT).description
                .hasPrefix("sekishod.yaml:2:1: control: there is no directory /run/sekisho; allowed: "))
        let gate = try GateSettings(
            yaml: Array("inside: { interface: a, prefixes: [10.1.0.0/24] }\noutside: { interface: b }".utf8),
            file: "gated.yaml")
        #expect(
            gate.allowedUserPlace.error("there is no such user").description
                == "gated.yaml:1:1: allow_user: there is no such user")
    }

    @Test(arguments: [
        ("/run/sekisho/c.sock", ENOENT, "there is no directory /run/sekisho"),
        ("/run/sekisho/c.sock", ENOTDIR, "there is no directory /run/sekisho"),
        ("/c.sock", EROFS, "user root may not write in directory /"),
        ("/run/a\u{7}b/c.sock", EACCES, "user root may not write in directory /run/a?b"),
        ("/run/sekisho/c.sock", EPERM, "what is there belongs to another user; remove it"),
        ("/run/sekisho/c.sock", ENOTSOCK, "what is there is not a socket; remove it"),
        ("/run/sekisho/c.sock", EMFILE, "cannot be made: Too many open files"),
    ])
    func `A socket that cannot be made is told with its directory and what to do`(
        _ path: String, _ code: Int32, _ problem: String
    ) throws {
        let user = ProcessUser.name
        #expect(
            try proxy().controlPlace.unixSocketError(path, code: code).description
                == "sekishod.yaml:2:10: control: \(problem.replacing("user root", with: "user \(user)")); "
                + "allowed: a path in a directory that user \(user) may write in; "
                + "systemd-tmpfiles --create makes /run/sekisho")
    }

    @Test func `Files of an identity are named one by one`() throws {
        let identity = try #require(try proxy().disclosure.identities.first)
        #expect(
            identity.certificatePlace.error("absent").description
                == "sekishod.yaml:13:32: disclosure.identities[0].certificate: absent")
        #expect(
            identity.keyPlace.error("absent").description
                == "sekishod.yaml:13:58: disclosure.identities[0].key: absent")
    }

    @Test func `Settings compare by what they say, not by where it is written`() throws {
        #expect(try proxy() == proxy("\n\n" + ProxySettingsTests.good))
        #expect(try Set([proxy(), proxy("\n\n" + ProxySettingsTests.good)]).count == 1)
    }
}
