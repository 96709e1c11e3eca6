import Glibc
import Testing

/// The program against a real interface: frames on a cable, a file in a folder. Needs root.
@Suite(.serialized) struct RecordingTests {
    private let bed: MirrorBed

    init() throws {
        try #require(getuid() == 0, "these tests make network namespaces and need root")
        bed = try MirrorBed()
    }

    /// Sends one datagram of zeros per size to port 4000; how many went out.
    private func send(_ sizes: [Int], to host: String = "10.9.0.2") throws -> Int {
        Int(
            try bed.gateway.onThread {
                let destination = Destination(host, 4000)
                let descriptor = socket(destination.family, Int32(SOCK_DGRAM.rawValue), 0)
                defer { close(descriptor) }
                return Int32(
                    sizes.count { size in
                        let octets = [UInt8](repeating: 0, count: size)
                        return destination.with { sendto(descriptor, octets, size, 0, $0, $1) } == size
                    })
            })
    }

    /// Sends what is no UDP: a TCP segment, and an ARP request for an address that nobody has.
    private func sendOthers() throws {
        let result = try bed.gateway.onThread {
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue)
            let destination = Destination("10.9.0.2", 4000)
            let descriptor = socket(destination.family, kind, 0)
            defer { close(descriptor) }
            return destination.with { connect(descriptor, $0, $1) } < 0 ? errno : 0
        }
        try #require(result == EINPROGRESS)
        #expect(try send([160], to: "10.9.0.3") == 1)
    }

    /// Frames that have come out of the cable at the recorder's end, by the kernel's count.
    private func arrivals() throws -> Int {
        let table = try bed.recorder.run("cat /proc/net/dev").split(separator: "\n")
        let line = try #require(table.first { $0.contains("rec0:") })
        return try #require(Int(line.split(separator: " ")[2]))
    }

    private func start(_ arguments: String...) throws -> Child {
        let child = try bed.record(["--interface", "rec0", "--output", bed.folder] + arguments)
        try #require(child.reads(until: "ready\n"), "\(child.text)")
        return child
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `Every UDP packet on the interface is in the file and nothing else is`(_ signal: Int32) throws {
        let before = time(nil)
        let child = try start()
        try sendOthers()
        #expect(try send([0, 1, 160, 172, 1472]) == 5)
        #expect(try send([12, 160], to: "fd00:9::2") == 2)
        kill(child.process, signal)
        #expect(child.status() == 0)
        #expect(try arrivals() >= 9)
        #expect(child.text.contains("packets 7, left out 0, dropped 0: \(bed.folder)/rec0-"))

        let file = try PcapReading(folder: bed.folder)
        #expect(file.mode == 0o600)
        #expect(file.snapLength == 65_535)
        // Ethernet 14, IPv4 20, UDP 8; IPv6 40.
        #expect(file.packets.map(\.length) == [42, 43, 202, 214, 1514, 74, 222])
        #expect(file.packets.map(\.octets.count) == file.packets.map(\.length))
        for packet in file.packets {
            #expect(packet.octets.prefix(6) == [2, 0, 0, 0, 0, 2])
            #expect(packet.seconds >= before && packet.seconds <= time(nil))
            #expect(packet.nanoseconds < 1_000_000_000)
        }
        #expect(file.packets.contains { $0.nanoseconds % 1000 != 0 })
    }

    @Test func `Another program reads the file`() throws {
        let child = try start()
        #expect(try send([160, 160, 160]) == 3)
        kill(child.process, SIGTERM)
        #expect(child.status() == 0)
        let path = try #require(child.text.split(separator: " ").last).dropLast()
        let lines = try Child.run(["tcpdump", "-nn", "-r", String(path)]).split(separator: "\n")
        #expect(lines.count { $0.contains("> 10.9.0.2.4000: UDP, length 160") } == 3)
    }

    @Test func `A burst is recorded whole`() throws {
        let child = try start()
        #expect(try send(Array(repeating: 172, count: 5000)) == 5000)
        kill(child.process, SIGTERM)
        #expect(child.status() == 0)
        #expect(try PcapReading(folder: bed.folder).packets.count == 5000)
    }

    @Test func `A packet is cut at the snap length and its length is told`() throws {
        let child = try start("--snaplen", "96")
        #expect(try send([54, 55]) == 2)
        kill(child.process, SIGTERM)
        #expect(child.status() == 0)
        let file = try PcapReading(folder: bed.folder)
        #expect(file.snapLength == 96)
        #expect(file.packets.map(\.length) == [96, 97])
        #expect(file.packets.map(\.octets.count) == [96, 96])
    }

    /// Header 24, three records of 16 + 142.
    @Test(arguments: [(498, 3), (497, 2)])
    func `A full file gets nothing more and the rest is counted`(_ maximum: Int, _ recorded: Int) throws {
        let child = try start("--max-bytes", "\(maximum)")
        #expect(try send([100, 100, 100, 100]) == 4)
        #expect(child.reads(until: "--max-bytes is reached; recording no more\n"))
        kill(child.process, SIGTERM)
        #expect(child.status() == 1)
        #expect(child.text.contains("packets \(recorded), left out \(4 - recorded), dropped 0"))
        let file = try PcapReading(folder: bed.folder)
        #expect(file.packets.count == recorded)
        #expect(file.size <= maximum)
    }

    @Test func `A full disk leaves a file of whole packets`() throws {
        try Child.run("mount -t tmpfs -o size=8k,mode=700 sekisho-recorder \(bed.folder)")
        defer { _ = try? Child.run("umount \(bed.folder)") }
        let child = try start()
        #expect(try send([1400, 1400, 1400, 1400, 1400, 1400, 1400]) == 7)
        #expect(child.reads(until: "No space left on device; recording no more\n"))
        kill(child.process, SIGTERM)
        #expect(child.status() == 1)
        let file = try PcapReading(folder: bed.folder)
        #expect(file.packets.count < 7)
        #expect(file.packets.allSatisfy { $0.octets.count == 1442 })
        #expect(child.text.contains("packets \(file.packets.count), left out \(7 - file.packets.count), dropped 0"))
    }

    @Test func `A missing interface is one clear line`() throws {
        let child = try bed.record(["--interface", "rec1", "--output", bed.folder])
        #expect(child.status() == 1)
        #expect(
            child.text
                == "sekisho-recorderd: capture on rec1: No such device; name an existing interface with --interface\n")
    }

    @Test func `An interface that is down is one clear line`() throws {
        try bed.recorder.run("ip link set rec0 down")
        let child = try bed.record(["--interface", "rec0", "--output", bed.folder])
        #expect(child.status() == 1)
        #expect(child.text == "sekisho-recorderd: capture on rec0: Network is down; set the interface up\n")
    }

    @Test func `An interface that goes down ends the recording with a whole file`() throws {
        let child = try start()
        #expect(try send([160]) == 1)
        try bed.recorder.run("ip link set rec0 down")
        #expect(child.status() == 1)
        #expect(child.text.contains("receive from rec0: Network is down"))
        #expect(try PcapReading(folder: bed.folder).packets.count == 1)
    }

    @Test func `A missing capability is one clear line`() throws {
        let child = try bed.record(
            ["--interface", "rec0", "--output", bed.folder],
            by: ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"])
        #expect(child.status() == 1)
        #expect(
            child.text
                == "sekisho-recorderd: capture on rec0: Operation not permitted; give the process CAP_NET_RAW\n")
    }

    @Test func `A missing folder is one clear line`() throws {
        let child = try bed.record(["--interface", "rec0", "--output", "\(bed.folder)/none"])
        #expect(child.status() == 1)
        #expect(child.text.hasPrefix("sekisho-recorderd: create \(bed.folder)/none/rec0-"))
        #expect(child.text.hasSuffix(".pcap: No such file or directory\n"))
    }
}
