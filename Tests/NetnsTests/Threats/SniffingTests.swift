import Glibc
import Lab
import Netfilter
import Testing
import Wire

/// What is no SIP, or SIP inside something else, opens nothing: rows T1 and T2 of docs/threats.md, with the real daemons.
@Suite(.serialized) struct SniffingTests {
    @Test func `T1: a POST with a request behind 0 to 1460 octets of padding is closed, each time`() throws {
        let bed = try CallBed("slipstream")
        try bed.gateway.start()
        let (empty, before) = (try bed.gateway.table(), try bed.status())
        let invite = Ask.call("slipped").text
        var answered = 0
        var open = 0
        for padding in 0...1_460 {
            let socket = try PlainSocket(from: Endpoint(Host.caller, 0), to: Host.near, in: bed.testbed.inside)
            // The request begins a segment of its own; the gateway may have closed by then.
            socket.send("POST / HTTP/1.1\r\nHost: 10.1.0.1:5060\r\n\r\n" + String(repeating: "x", count: padding))
            socket.send(invite)
            switch socket.receiveToEnd() {
            case "": break
            case nil: open += 1
            default: answered += 1
            }
        }
        #expect(open == 0 && answered == 0)
        let status = try bed.status()
        #expect(status["framing_errors"] == 1_461)
        #expect(status["requests"] == 0)
        #expect(status["gate_requests"] == before["gate_requests"] && status.sessions == 0)
        #expect(try bed.gateway.table() == empty)
        // It is not the request that is at fault: alone it is taken.
        let good = try PlainSocket(from: Endpoint(Host.caller, 0), to: Host.near, in: bed.testbed.inside)
        good.send(Ask.call("good").text)
        #expect(try bed.eventually { try !bed.elements().isEmpty }, bed.story())
    }

    @Test func `T1: a request in the second fragment of a datagram is not read, nor one in a fragment alone`() throws {
        let bed = try CallBed("fragment")
        try bed.gateway.start()
        let (empty, before) = (try bed.gateway.table(), try bed.status())
        let invite = Array(Ask.call("slipped", "UDP").text.utf8)
        // 1500 octets of Ethernet less 20 of IP and 8 of UDP: what follows begins the second fragment.
        let socket = try PlainSocket(.udp, Endpoint(Host.caller, 5070), in: bed.testbed.inside)
        for padding in [1_472, 2 * 1_480 - 8] {
            #expect(socket.send([UInt8](repeating: 0x78, count: padding) + invite, to: Host.near))
        }
        #expect(try bed.eventually { try bed.status()["malformed"] == 2 }, bed.story())
        // A fragment that belongs to nothing, with a UDP header of its own in it.
        let length = UInt16(8 + invite.count)
        let header: [UInt8] = [0x13, 0xCE, 0x13, 0xC4, UInt8(length >> 8), UInt8(length & 0xFF), 0, 0]
        for offset in [185 as UInt16, 370] {
            #expect(try fragment(header + invite, at: offset, in: bed.testbed.inside))
        }
        usleep(200_000)
        let status = try bed.status()
        #expect(status["requests"] == 0 && status["malformed"] == 2)
        #expect(status["gate_requests"] == before["gate_requests"])
        #expect(try bed.gateway.table() == empty)
    }

    /// Sends the last fragment of a datagram whose others do not exist.
    private func fragment(_ payload: [UInt8], at offset: UInt16, in host: Namespace) throws -> Bool {
        // 3 is SOCK_RAW, which the module does not show.
        let raw = try host.run { socket(AF_INET, 3, Int32(IPPROTO_RAW)) }
        defer { close(raw) }
        // Total length, identification, checksum and source are filled in by the kernel where they are 0 (raw(7)).
        let head: [UInt8] = [
            0x45, 0, 0, 0, 0x12, 0x34, UInt8(offset >> 8), UInt8(offset & 0xFF), 64, 17, 0, 0, 10, 1, 0, 2, 10, 1, 0, 1,
        ]
        let packet = head + payload
        return PlainSocket.with(Host.near) { sendto(raw, packet, packet.count, 0, $0, $1) } == packet.count
    }

    @Test func `T1: nothing listens for H.323, and the gate tracks no connections`() throws {
        let bed = try CallBed("h323")
        try bed.gateway.start()
        for gateway in [Host.near, Host.far] {
            let host = gateway == Host.near ? bed.testbed.inside : bed.testbed.stranger
            let own = gateway == Host.near ? Host.caller : Host.stranger
            #expect(throws: Command.Failure.self) {
                try PlainSocket(from: Endpoint(own, 0), to: Endpoint(gateway.address, 1_720), in: host)
            }
            // It is not the way there that is closed.
            _ = try PlainSocket(from: Endpoint(own, 0), to: gateway, in: host)
        }
        let listening = try bed.testbed.gateway.command("ss", "-Hlntu").split(separator: "\n")
        let ports = listening.compactMap { line in
            line.split(separator: " ").dropFirst(4).first?.split(separator: ":").last.map(String.init)
        }
        #expect(Set(ports) == ["5060", "5061"], "\(listening)")
        // No helper of any kind, and no rule of the gate's that would have connections tracked, and so helped.
        #expect(try bed.testbed.gateway.command("nft", "list", "ruleset").contains("ct helper") == false)
        #expect(try bed.gateway.table().split(whereSeparator: { !$0.isLetter }).contains("ct") == false)
    }

    @Test func `T2: a length with two meanings is answered by 400 and ends the connection`() throws {
        let bed = try CallBed("length")
        try bed.gateway.start()
        let (empty, before) = (try bed.gateway.table(), try bed.status())
        let variants = [
            ["Content-Length: 4294967328"], ["Content-Length: -1"], ["Content-Length: +32"],
            ["Content-Length: 32, 32"], ["Content-Length: 32", "Content-Length: 32"], ["l: 0", "Content-Length: 32"],
            ["Content-Length: 00000000000000000032"], ["Content-Length: 18446744073709551648"],
        ]
        for (index, rows) in variants.enumerated() {
            let socket = try PlainSocket(from: Endpoint(Host.caller, 0), to: Host.near, in: bed.testbed.inside)
            socket.send(Ask.call("first-\(index)", rows: rows).text + Ask.call("second-\(index)").text)
            let answer = socket.receiveToEnd()
            #expect(answer?.hasPrefix("SIP/2.0 400") == true, "\(rows): \(answer ?? "open")")
            #expect(answer?.contains("second") == false, "\(rows)")
        }
        let status = try bed.status()
        #expect(status["framing_errors"] == variants.count)
        #expect(status["gate_requests"] == before["gate_requests"] && status.sessions == 0)
        #expect(try bed.gateway.table() == empty)
    }

    /// What the gate warns of when it starts.
    private func warnings(_ bed: CallBed) throws -> [Substring] {
        try bed.gateway.startGate()
        defer { bed.gateway.gate?.stop() }
        return bed.gateway.gate?.text.split(separator: "\n").filter { $0.contains("WARNING") } ?? []
    }

    @Test func `T2: the gate warns of each rule by which iptables attaches the SIP helper, and of no other`() throws {
        let bed = try CallBed("iptables")
        // As site scripts have them; the fourth attaches another helper, the others none.
        for line in [
            "iptables -A PREROUTING -p udp --dport 5060 -j CT --helper sip",
            "iptables -A OUTPUT -p tcp --dport 5060 -m comment --comment x -j CT --helper sip --zone 3",
            "ip6tables -A PREROUTING -p udp --dport 5060 -j CT --helper sip",
            "iptables -A PREROUTING -p tcp --dport 21 -j CT --helper ftp",
            "iptables -A PREROUTING -p udp -j CT --notrack",
            "iptables -A PREROUTING -p udp -m helper --helper sip -j ACCEPT",
        ] {
            let words = line.split(separator: " ").map(String.init)
            let command = [words[0], "-t", "raw"] + words.dropFirst()
            try bed.testbed.gateway.command("sh", "-c", command.joined(separator: " "))
        }
        let found = try warnings(bed)
        #expect(found.count == 3, "\(found)")
        for chain in ["ip raw PREROUTING", "ip raw OUTPUT", "ip6 raw PREROUTING"] {
            #expect(found.count { $0.contains("a rule of chain \(chain) attaches the helper sip") } == 1, "\(found)")
        }
        try bed.testbed.gateway.command("sh", "-c", "iptables -t raw -F; ip6tables -t raw -F")
        #expect(try warnings(bed).isEmpty)
    }

    @Test func `T2: the gate warns of a ct helper for SIP in any table, and of no other`() throws {
        let bed = try CallBed("helper")
        func warnings() throws -> [Substring] { try self.warnings(bed) }
        #expect(try warnings().isEmpty)
        try bed.testbed.gateway.command(
            "nft",
            "add table inet site; add ct helper inet site voice { type \"sip\" protocol udp; l3proto ip; }; "
                + "add ct helper inet site files { type \"ftp\" protocol tcp; }; add table ip6 more; "
                + "add ct helper ip6 more phones { type \"sip\" protocol tcp; }")
        let found = try warnings()
        #expect(found.count == 2, "\(found)")
        #expect(found.contains { $0.contains("ct helper inet site voice is of type sip") }, "\(found)")
        #expect(found.contains { $0.contains("ct helper ip6 more phones is of type sip") }, "\(found)")
        try bed.testbed.gateway.command("nft", "delete table inet site; delete table ip6 more")
        #expect(try warnings().isEmpty)
    }

    @Test(arguments: [
        ("/proc/sys/net/netfilter", "1\n", 1), ("/proc/sys/net/netfilter", "0\n", 0),
        ("/sys/module/nf_conntrack/parameters", "Y\n", 1),
        ("/sys/module/nf_conntrack/parameters", "N\n", 0),
        ("", "", 0),
    ])
    func `T2: helpers by port are found where the kernel has the switch`(
        _ folder: String, _ value: String, _ count: Int
    ) throws {
        let root = "/tmp/sekisho-test-\(getpid())-switch"
        try Command.output([
            "sh", "-ec", "mkdir -p \(root)\(folder); printf '\(value)' > \(root)\(folder)/nf_conntrack_helper",
        ])
        defer { _ = try? Command.run(["rm", "-rf", root]) }
        let namespace = try Namespace("switch")
        let findings = try namespace.run { try ConntrackHelpers(root: root).findings }
        #expect(findings.count == count, "\(findings)")
        #expect(findings.allSatisfy { $0.hasPrefix("\(folder)/nf_conntrack_helper is on") })
    }

    @Test func `T2: an installation keeps the kernel's SIP helper from being loaded by name`() throws {
        let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
        let install = try Command.output(["make", "-C", root, "-n", "-o", "build", "install", "DESTDIR=/x"])
        #expect(install.contains("systemd/sekisho.modprobe /x/usr/lib/modprobe.d/sekisho.conf"))
        let lines = try Command.output(["cat", "\(root)/systemd/sekisho.modprobe"]).split(separator: "\n")
        #expect(lines.filter { !$0.hasPrefix("#") } == ["blacklist nf_conntrack_sip", "blacklist nf_nat_sip"])
    }
}
