import CMSText
import Crypto
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

@Suite("A server that must read and cannot: 496")
struct UndecipherableTests {
    static let warning = "380 gw.example.net \"Required to View Content-Type 'application/sdp'\""

    /// A caller of a protected call that gets a 496.
    private func script(
        policy: DisclosurePolicy, certificate: Certificate?, warning: String? = warning, now: Int64 = 1_800_000_000
    ) throws -> CallerScript {
        var script = try CallerScript(
            protection: .enveloped(.aes128GCM), recipients: [try identity().requireCertificate()], policy: policy)
        script.bench.now = now
        var response = script.response(496, fields: warning.map { [(.warning, $0)] } ?? [])
        if let certificate { response.setBody(certificate.der, contentType: Array("application/pkix-cert".utf8)) }
        try script.bench.receive(response)
        return script
    }

    @Test
    func `is disclosed to once when its name is allowed`() throws {
        let gateway = try identity(["gw.example.net"])
        var policy = DisclosurePolicy()
        policy.names = ["GW.example.net"]
        var script = try script(policy: policy, certificate: try gateway.requireCertificate())
        let first = script.invite
        let sent = script.bench.sent.map(\.0)
        #expect(sent.map(\.method) == [.ack, .invite])
        try script.takeInvite()
        #expect(value(script.invite, .cseq) == "2 INVITE")
        #expect(value(script.invite, .callID) == value(first, .callID))
        #expect(value(script.invite, .from) == value(first, .from))
        #expect(script.invite.tag(of: .to) == nil)
        #expect(value(script.invite, .via) != value(first, .via))
        let contentID = value(script.invite, .contentID).dropFirst().dropLast()
        #expect(value(script.invite, .proxyInspectBody) == "gw.example.net;cid=\(contentID)")
        // The server can open it now, and the key is another one.
        let opener = try EnvelopeOpener()
        let body = try opener.open(script.invite.copy(script.invite.body), identities: [gateway], contentKeys: [])
        #expect(String(decoding: body.plaintext, as: UTF8.self).contains("m=audio"))
        #expect(throws: EnvelopeError.undecipherable) {
            _ = try opener.open(first.copy(first.body), identities: [gateway], contentKeys: [])
        }
        let references = script.bench.bodies.map(\.reference)
        #expect(references.count == 2 && references[0] != references[1])
        #expect(script.bench.desk.keyCount == 1)
        #expect(script.bench.reports.contains(.retrying(CallNumber(value: 1), host: "gw.example.net")))

        // A second 496 is the end.
        var again = script.response(496, fields: [(.warning, Self.warning)])
        again.setBody(try gateway.requireCertificate().der, contentType: Array("application/pkix-cert".utf8))
        try script.bench.receive(again)
        #expect(script.bench.takeSent().map(\.method) == [.ack])
        #expect(script.bench.ending?.status == 496)
        #expect(script.bench.desk.keyCount == 0)
    }

    @Test
    func `is disclosed to when its certificate is pinned, or signed by who is`() throws {
        let gateway = try identity(["gw.example.net"])
        var policy = DisclosurePolicy()
        policy.anchors = [try gateway.requireCertificate()]
        var pinned = try script(policy: policy, certificate: try gateway.requireCertificate())
        #expect(pinned.bench.takeSent().contains { $0.method == .invite })

        let key = try PrivateKey.generateP256()
        var root = CertificateBuilder(commonName: "root", notBefore: 1_700_000_000, notAfter: 1_900_000_000)
        root.isAuthority = true
        root.keyUsage = [.keyCertSign]
        let authority = try Identity(key: key, certificate: try root.selfSigned(by: key))
        var builder = CertificateBuilder(commonName: "gw", notBefore: 1_700_000_000, notAfter: 1_900_000_000)
        builder.dnsNames = ["gw.example.net"]
        let issued = try builder.signed(by: authority, for: try PrivateKey.generateP256().publicKey)
        policy.anchors = [try authority.requireCertificate()]
        // The signature alone does not make it a server that the user named.
        #expect(try script(policy: policy, certificate: issued).bench.ending?.status == 496)
        policy.names = ["gw.example.net"]
        var signed = try script(policy: policy, certificate: issued)
        #expect(signed.bench.takeSent().contains { $0.method == .invite })
        // And with an anchor the name alone is not enough.
        #expect(try script(policy: policy, certificate: try gateway.requireCertificate()).bench.ending?.status == 496)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var certificateNames: [String]? = ["gw.example.net"]
        var allowed = ["gw.example.net"]
        var warning: String? = UndecipherableTests.warning
        var now: Int64 = 1_800_000_000
    }

    static let refusals = [
        Refusal(testDescription: "no certificate", certificateNames: nil),
        Refusal(testDescription: "a server that nobody named", allowed: []),
        Refusal(testDescription: "a name that only begins alike", allowed: ["gw.example.ne"]),
        Refusal(
            testDescription: "a certificate for another host than the Warning's", certificateNames: ["evil.example"]),
        Refusal(testDescription: "a certificate for no host", certificateNames: []),
        Refusal(
            testDescription: "a Warning of another host", certificateNames: ["gw.example.net"],
            allowed: ["gw.example.net"],
            warning: "380 evil.example \"Required to View Content-Type 'application/sdp'\""),
        Refusal(testDescription: "a certificate that is over", now: 1_900_000_001),
        Refusal(testDescription: "a certificate that has not begun", now: 1_699_999_999),
    ]

    @Test(arguments: refusals)
    func `is not disclosed to`(_ refusal: Refusal) throws {
        var policy = DisclosurePolicy()
        policy.names = refusal.allowed
        let certificate = try refusal.certificateNames.map { try identity($0).requireCertificate() }
        var script = try script(
            policy: policy, certificate: certificate, warning: refusal.warning, now: refusal.now)
        #expect(script.bench.takeSent().map(\.method) == [.ack])
        #expect(script.bench.ending?.status == 496)
        #expect(script.bench.ending?.why.isEmpty == false)
    }

    @Test(arguments: [1_700_000_000, 1_900_000_000] as [Int64])
    func `is disclosed to in the first and the last second of its certificate`(now: Int64) throws {
        var policy = DisclosurePolicy()
        policy.names = ["gw.example.net"]
        var script = try script(
            policy: policy, certificate: try identity(["gw.example.net"]).requireCertificate(), now: now)
        #expect(script.bench.takeSent().contains { $0.method == .invite })
    }

    @Test
    func `without a Warning is disclosed to by an allowed name of its certificate`() throws {
        var policy = DisclosurePolicy()
        policy.names = ["gw.example.net"]
        let certificate = try identity(["other.example.net", "gw.example.net"]).requireCertificate()
        var script = try script(policy: policy, certificate: certificate, warning: nil)
        let invite = try #require(script.bench.takeSent().last)
        #expect(value(invite, .proxyInspectBody).hasPrefix("gw.example.net;"))
    }

    @Test
    func `means nothing in a call in the clear`() throws {
        var script = try CallerScript()
        var response = script.response(496)
        response.setBody(
            try identity(["gw.example.net"]).requireCertificate().der,
            contentType: Array("application/pkix-cert".utf8))
        try script.bench.receive(response)
        #expect(script.bench.takeSent().map(\.method) == [.ack])
        #expect(script.bench.ending?.status == 496)
    }

    @Test(arguments: [
        ("380 gw.example.net \"text\"", "gw.example.net"), ("380 gw.example.net:5060 \"text\"", "gw.example.net"),
        ("380 [2001:db8::1]:5060 \"text\"", "2001:db8::1"), ("399 gw.example.net \"text\"", nil),
        ("399 a \"x\", 380 b \"y\"", "b"), ("380 gw.example.net", nil), ("380", nil),
    ])
    func `names itself in its Warning`(warning: String, host: String?) throws {
        let script = try CallerScript()
        var response = script.response(496, fields: [(.warning, warning)])
        response.setBody([1], contentType: Array("application/pkix-cert".utf8))
        #expect(DisclosureDemand(response)?.host == host.map { Array($0.utf8) })
    }
}
