import CMSText
import Crypto
import Glibc
import Lab
import Media
import NIOCore
import NIOPosix
import SIPText
import SIPTransactions
import Synchronization
import Testing
import Wire

@testable import UserAgent

/// What one device has seen.
final class Witness: Sendable {
    private let messages = Mutex<[(Way, Message)]>([])
    private let lines = Mutex<[String]>([])

    func attach(to settings: inout DeviceSettings) {
        settings.onMessage = { way, message, _, _ in self.messages.withLock { $0.append((way, message)) } }
        settings.onReport = { report, milliseconds in
            self.lines.withLock { $0.append(report.line(at: milliseconds)) }
        }
    }

    var all: [Message] { messages.withLock { $0.map(\.1) } }
    var reportLines: [String] { lines.withLock { $0 } }
}

@Suite("Calls between two devices over real sockets")
struct DeviceTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        var transport = TransportKind.udp
        var address = "127.0.0.1"
        var algorithm: ContentAlgorithm?
        var reuse = KeyReuse.kek
        /// What openssl calls the content of the INVITE's and of the answer's body.
        var types: [String] = []

        var testDescription: String {
            "\(transport) \(address) \(algorithm?.name ?? "plain") \(reuse.rawValue)"
        }
    }

    static let settings: [Setting] = {
        let protections = [
            Setting(),
            Setting(
                algorithm: .aes128GCM, types: ["id-smime-ct-authEnvelopedData", "id-smime-ct-authEnvelopedData"]),
            Setting(
                algorithm: .aes256CBC, types: ["pkcs7-envelopedData", "pkcs7-envelopedData"]),
            Setting(
                algorithm: .aes128CBC, reuse: .encryptedData, types: ["pkcs7-envelopedData", "pkcs7-encryptedData"]),
        ]
        var settings: [Setting] = []
        for transport in [TransportKind.udp, .tcp] {
            for address in ["127.0.0.1", "::1"] {
                for protection in protections {
                    var setting = protection
                    setting.transport = transport
                    setting.address = address
                    settings.append(setting)
                }
            }
        }
        return settings
    }()

    @Test(arguments: settings)
    func `are made, carry media both ways and end`(_ setting: Setting) async throws {
        let address = try #require(IPAddress(setting.address))
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let bob = try self.bob()
        let (callerWitness, calleeWitness) = (Witness(), Witness())

        var calleeSettings = DeviceSettings(address: address)
        calleeSettings.identity = bob
        var plan = AnswerPlan()
        plan.reuse = setting.reuse
        calleeSettings.answering = plan
        calleeWitness.attach(to: &calleeSettings)
        let callee = try await Device.start(calleeSettings, on: loop).get()

        var callerSettings = DeviceSettings(address: address)
        callerSettings.records = true
        callerWitness.attach(to: &callerSettings)
        let caller = try await Device.start(callerSettings, on: loop).get()

        let remote = try #require(
            try await loop.submit { callee.listeners.first { $0.transport == setting.transport } }.get())
        var request = CallRequest(
            target: "sip:bob@\(remote.endpoint)", destination: Destination(setting.transport, remote.endpoint),
            protection: setting.algorithm.map { .enveloped($0) } ?? .plain)
        if setting.algorithm != nil { request.recipients = [try bob.requireCertificate()] }
        request.reuse = setting.reuse
        request.timing.hangUpAfter = .milliseconds(400)
        let called = try await caller.call(request).get()
        let answered = try await callee.nextFinishedCall().get()

        for summary in [called, answered] {
            #expect(summary.isGood)
            #expect(summary.ending == Ending(by: .caller, status: 0, why: ""))
            #expect(summary.count(.rtp, .received, .call) > 5)
            #expect(summary.stream?.lost == 0)
            #expect(summary.stream?.fromElsewhere == 0)
        }
        #expect(answered.packets.first { $0.kind == .rtp && $0.way == .received }?.first == 0)
        // A tone, not silence.
        #expect(called.recording.contains { $0 > 4_000 })
        let keys = try await [caller.keyCount().get(), callee.keyCount().get()]
        #expect(keys == [0, 0])
        try await caller.close().get()
        try await callee.close().get()

        let messages = callerWitness.all
        #expect(messages.allSatisfy { $0.topVia?.transport == (setting.transport == .udp ? .udp : .tcp) })
        let leaks = messages.contains { message in
            String(decoding: message.serialized(), as: UTF8.self).contains("m=audio")
        }
        #expect(leaks == (setting.algorithm == nil))
        let bodies = messages.filter { !$0.body.isEmpty }.map { $0.copy($0.body) }
        #expect(bodies.count == 2)
        for (body, type) in zip(bodies, setting.types) { #expect(try openSSL(names: body) == type) }
        for line in callerWitness.reportLines + calleeWitness.reportLines { #expect(!line.contains("m=audio")) }
        let ended = callerWitness.reportLines.first { $0.hasPrefix("{\"event\":\"ended\"") }
        #expect(ended?.contains("\"by\":\"caller\",\"status\":0,") == true)
    }

    @Test
    func `end by CANCEL when the caller gives up, and leave no socket behind`() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let address = try #require(IPAddress("127.0.0.1"))
        var settings = DeviceSettings(address: address)
        var plan = AnswerPlan()
        plan.acceptAfter = .seconds(60)
        settings.answering = plan
        let callee = try await Device.start(settings, on: loop).get()
        var callerSettings = DeviceSettings(address: address)
        let ringing = loop.makePromise(of: Void.self)
        callerSettings.onReport = { report, _ in
            if case .progress(_, 180) = report { ringing.succeed() }
        }
        let caller = try await Device.start(callerSettings, on: loop).get()
        let remote = try #require(try await loop.submit { callee.listeners.first }.get())
        let call = caller.call(
            CallRequest(
                target: "sip:bob@\(remote.endpoint)", destination: Destination(.udp, remote.endpoint),
                protection: .plain))
        try await ringing.futureResult.get()
        caller.hangUp()
        let called = try await call.get()
        let answered = try await callee.nextFinishedCall().get()
        #expect(called.ending?.status == 487)
        #expect(answered.ending?.status == 487)
        #expect(!called.isGood && !answered.isGood)
        try await caller.close().get()
        try await callee.close().get()
    }

    @Test
    func `fail at once where nobody listens for TCP`() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let address = try #require(IPAddress("127.0.0.1"))
        let caller = try await Device.start(DeviceSettings(address: address), on: loop).get()
        // Port 1 is for root's tcpmux, which nobody runs.
        let called = try await caller.call(
            CallRequest(
                target: "sip:bob@127.0.0.1:1", destination: Destination(.tcp, Endpoint(address, 1)), protection: .plain)
        ).get()
        #expect(called.ending?.status == 503)
        try await caller.close().get()
    }

    @Test
    func `cannot have a SIP port that is taken`() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let address = try #require(IPAddress("127.0.0.1"))
        let first = try await Device.start(DeviceSettings(address: address), on: loop).get()
        var settings = DeviceSettings(address: address)
        settings.port = try #require(try await loop.submit { first.listeners.first?.endpoint.port }.get())
        await #expect(throws: (any Error).self) { _ = try await Device.start(settings, on: loop).get() }
        try await first.close().get()
    }

    @Test
    func `fail with a reason when the media port is taken`() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let address = try #require(IPAddress("127.0.0.1"))
        let taken = try await MediaSession.open(
            at: address, port: 0, .tone(ToneGenerator()), records: false, on: loop
        ).get()
        var settings = DeviceSettings(address: address)
        settings.mediaPort = taken.local.port
        let caller = try await Device.start(settings, on: loop).get()
        let called = try await caller.call(
            CallRequest(
                target: "sip:bob@127.0.0.1", destination: Destination(.udp, Endpoint(address, 9)), protection: .plain)
        ).get()
        #expect(called.ending?.status == 500)
        #expect(called.ending?.why.contains("media sockets") == true)
        try await loop.submit { taken.close() }.get()
        try await caller.close().get()
    }

    private func bob() throws -> Identity {
        let key = try PrivateKey.generateP256()
        let now = Clock.unixSeconds()
        let builder = CertificateBuilder(commonName: "bob", notBefore: now - 60, notAfter: now + 3_600)
        return try Identity(key: key, certificate: try builder.selfSigned(by: key))
    }

    /// What another implementation says that a body is.
    private func openSSL(names body: [UInt8]) throws -> String {
        var template = Array("/tmp/sekisho-ua-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        try #require(file >= 0)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        #expect(body.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == body.count)
        close(file)
        let output = try Command.output(["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", path])
        let line = output.split(separator: "\n").first { $0.contains("contentType:") } ?? ""
        return line.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    }
}
