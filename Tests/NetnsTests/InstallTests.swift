import Foundation
import Glibc
import Lab
import Testing

/// What the README tells an operator to do on a new machine.
@Suite(.serialized) struct InstallTests {
    /// The repository, from this file's place in it.
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    private static func contents(_ name: String) throws -> String {
        try String(contentsOfFile: "\(root)/\(name)", encoding: .utf8)
    }

    /// Runs the README's commands for certificates and keys in another folder than /etc/sekisho.
    private static func makeIdentities(in directory: String) throws {
        let blocks = try contents("README.md").split(separator: "```")
        let block = try #require(blocks.first { $0.hasPrefix("\ncd /etc/sekisho\n") })
        // The group is there after `make install` only.
        let script = block.replacing("/etc/sekisho", with: directory).replacing("chgrp sekisho", with: "chgrp 0")
        try Command.output(["sh", "-ec", String(script)])
    }

    @Test func `the README's certificates and keys are what the example configuration wants`() throws {
        let directory = "/tmp/sekisho-test-\(getpid())-install"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Self.makeIdentities(in: directory)
        let example = try Self.contents("docs/examples/sekishod.yaml")
        let configuration = "\(directory)/sekishod.yaml"
        try example.replacing("/etc/sekisho/gw", with: "\(directory)/gw")
            .write(toFile: configuration, atomically: false, encoding: .utf8)
        let checked = try Command.run(["\(CallBed.binaries)/sekishod", "--check", "--config", configuration])
        #expect(checked.status == 0 && checked.output == "\(configuration): good\n", "\(checked)")
        for name in ["gw-rsa.key", "gw-ec.key"] {
            var status = stat()
            #expect(stat("\(directory)/\(name)", &status) == 0 && status.st_mode & 0o777 == 0o640)
        }
    }

    @Test(arguments: ["rsa", "ec"])
    func `a call is disclosed to the README's certificate`(_ kind: String) throws {
        let bed = try CallBed("readme")
        try Self.makeIdentities(in: bed.directory)
        try Command.output([
            "sh", "-ec", "cd \(bed.directory); mv gw-\(kind).pem gateway.pem; mv gw-\(kind).key gateway.key",
        ])
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "1"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        #expect(caller.wait(seconds: 10) == 0, bed.story(caller, callee))
    }

    @Test func `an installation makes users and folders, unless it is one below DESTDIR`() throws {
        let directory = "/tmp/sekisho-test-\(getpid())-activate"
        defer { _ = try? Command.run(["rm", "-rf", directory]) }
        let fake = "printf '#!/bin/sh\\necho $(basename $0) $* >>\(directory)/calls\\n'"
        let names = "systemd-sysusers systemd-tmpfiles systemctl"
        try Command.output([
            "sh", "-ec",
            "mkdir -p \(directory); cd \(directory); for n in \(names); do \(fake) >$n; chmod 755 $n; done; "
                + "PATH=\(directory):$PATH \(Self.root)/scripts/activate",
        ])
        let calls = try String(contentsOfFile: "\(directory)/calls", encoding: .utf8).split(separator: "\n")
        #expect(calls.prefix(2) == ["systemd-sysusers sekisho.conf", "systemd-tmpfiles --create sekisho.conf"])
        #expect(calls.dropFirst(2) == (access("/run/systemd/system", F_OK) == 0 ? ["systemctl daemon-reload"] : []))
        let install = ["make", "-C", Self.root, "-n", "-o", "build", "install"]
        #expect(try Command.output(install + ["DESTDIR="]).contains("scripts/activate"))
        #expect(try !Command.output(install + ["DESTDIR=\(directory)"]).contains("scripts/activate"))
    }
}
