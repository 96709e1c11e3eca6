import CMSText
import Crypto
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

@Suite("Session descriptions that others cannot read")
struct ProtectionTests {
    struct Mode: Sendable, CustomTestStringConvertible {
        let algorithm: ContentAlgorithm
        let reuse: KeyReuse
        let first: BodyForm.Kind
        let later: BodyForm.Kind
        let key: KeyOrigin
        var testDescription: String { "\(algorithm.name), \(reuse.rawValue)" }
    }

    static let modes = [
        Mode(algorithm: .aes128GCM, reuse: .kek, first: .authEnveloped, later: .authEnveloped, key: .referenced),
        Mode(algorithm: .aes256GCM, reuse: .kek, first: .authEnveloped, later: .authEnveloped, key: .referenced),
        Mode(algorithm: .aes128CBC, reuse: .kek, first: .enveloped, later: .enveloped, key: .referenced),
        Mode(algorithm: .aes256CBC, reuse: .kek, first: .enveloped, later: .enveloped, key: .referenced),
        Mode(algorithm: .aes128CBC, reuse: .encryptedData, first: .enveloped, later: .encrypted, key: .held),
        Mode(algorithm: .aes256CBC, reuse: .encryptedData, first: .enveloped, later: .encrypted, key: .held),
        // EncryptedData has no form for GCM.
        Mode(
            algorithm: .aes128GCM, reuse: .encryptedData, first: .authEnveloped, later: .authEnveloped, key: .referenced
        ),
    ]

    @Test(arguments: modes)
    func `crosses in offer, answer and re-INVITE of both sides`(_ mode: Mode) throws {
        var timing = CallTiming()
        timing.reinviteAfter = .seconds(1)
        var pair = try Pair(mode.algorithm, reuse: mode.reuse, calleeIdentity: try identity(), timing: timing) {
            $0.timing.reinviteAfter = .seconds(1)
        }
        #expect(pair.caller.isEstablished && pair.callee.isEstablished)
        try pair.caller.fire(.reinvite)
        try pair.exchange()
        try pair.callee.fire(.reinvite)
        try pair.exchange()
        let bodies = pair.caller.bodies
        #expect(bodies.map(\.way) == [.sent, .received, .sent, .received, .received, .sent])
        #expect(bodies.map(\.form.kind) == [mode.first] + Array(repeating: mode.later, count: 5))
        #expect(bodies.map(\.key) == [.publicKey] + Array(repeating: mode.key, count: 5))
        #expect(bodies.allSatisfy { $0.form.cipher == mode.algorithm.name })
        #expect(Set(bodies.map(\.reference)).count == 1)
        #expect(bodies[0].reference?.count == 16)
        #expect(pair.callee.bodies.map(\.form.kind) == bodies.map(\.form.kind))
        #expect(!pair.leaksDescription)
        // One key on each side while the call lasts, none after it.
        #expect([pair.caller.desk.keyCount, pair.callee.desk.keyCount] == [1, 1])
        try pair.hangUp(by: .callee)
        #expect([pair.caller.desk.keyCount, pair.callee.desk.keyCount] == [0, 0])
        #expect(pair.caller.ending == Ending(by: .callee, status: 0, why: ""))
    }

    @Test
    func `says with its headers what the body is and who should read it`() throws {
        let callee = try identity().requireCertificate()
        let gateway = try identity(["gw.example.net"]).requireCertificate()
        var script = try CallerScript(protection: .enveloped(.aes128GCM), recipients: [callee])
        #expect(
            value(script.invite, .contentType)
                == "application/pkcs7-mime;smime-type=authEnveloped-data;name=smime.p7m")
        #expect(value(script.invite, .contentDisposition) == "attachment;filename=smime.p7m;handling=required")
        #expect(value(script.invite, .contentTransferEncoding) == "binary")
        #expect(script.invite.value(of: .proxyInspectBody) == nil)

        let bench = try Bench(address: "192.0.2.10")
        let id = bench.desk.add(gateway)
        script = try CallerScript(protection: .enveloped(.aes128CBC), recipients: [gateway, callee]) {
            $0.disclosures = [Disclosure(host: Array("gw.example.net".utf8), recipient: id)]
        }
        #expect(
            value(script.invite, .contentType) == "application/pkcs7-mime;smime-type=enveloped-data;name=smime.p7m")
        let contentID = value(script.invite, .contentID).dropFirst().dropLast()
        #expect(value(script.invite, .proxyInspectBody) == "gw.example.net;cid=\(contentID)")
    }

    @Test
    func `answers 493 with its certificate to what it cannot decrypt`() throws {
        let bob = try identity()
        let other = try identity().requireCertificate()
        let pair = try Pair(.aes128GCM, calleeIdentity: bob, certificate: other)
        let refusal = try #require(pair.wire.first { $0.status == 493 })
        #expect(value(refusal, .contentType) == "application/pkix-cert")
        #expect(refusal.copy(refusal.body) == bob.certificate?.der)
        #expect(pair.caller.ending?.status == 493)
        #expect([pair.caller.desk.keyCount, pair.callee.desk.keyCount] == [0, 0])
    }

    @Test
    func `answers a body that is no session description inside as one that cannot be decrypted`() throws {
        let bob = try identity()
        let sealer = try EnvelopeSealer()
        for inside in [
            "Content-Type: text/plain\r\n\r\nhello", "no entity", "Content-Type: application/sdp\r\n\r\nv=1",
        ] {
            let (der, _) = try sealer.seal(
                Array(inside.utf8), algorithm: .aes128GCM, recipients: [.certificate(try bob.requireCertificate())],
                reference: [1, 2, 3])
            var script = try CalleeScript(identity: bob)
            var invite = try script.request("INVITE")
            invite.setBody(der, contentType: Array("application/pkcs7-mime".utf8))
            try script.bench.receive(invite)
            #expect(try script.bench.takeOne().status == 493)
            #expect(script.bench.desk.keyCount == 0)
        }
    }

    @Test
    func `refuses an answer in the clear to a protected offer`() throws {
        var script = try CallerScript(
            protection: .enveloped(.aes128GCM), recipients: [try identity().requireCertificate()])
        try script.receive(200, sdp: CallerScript.sdp)
        #expect(script.bench.takeSent().map(\.method) == [.ack, .bye])
        #expect(!script.bench.isEstablished)
        #expect(!script.bench.media.contains { if case .run = $0 { true } else { false } })
    }

    @Test
    func `refuses a re-INVITE in the clear in a protected call`() throws {
        let pair = try Pair(.aes128GCM, calleeIdentity: try identity())
        var callee = pair.callee
        let invite = try #require(pair.wire.first { $0.method == .invite })
        let answer = try #require(pair.wire.first { $0.status == 200 })
        try callee.receive(
            """
            INVITE sip:bob@192.0.2.20:5060 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKplain
            Max-Forwards: 70
            From: \(value(invite, .from))
            To: \(value(answer, .to))
            Call-ID: \(value(invite, .callID))
            CSeq: 9 INVITE
            Contact: <sip:alice@192.0.2.10>
            Content-Type: application/sdp

            \(CallerScript.sdp)
            """)
        #expect(try callee.takeOne().status == 488)
    }

    @Test
    func `uses a key no oftener than its sender allows`() throws {
        let bob = try identity()
        let certificate = try bob.requireCertificate()
        let sealer = try EnvelopeSealer()
        let entity = MessageBody.entity(
            Array(CalleeScript.sdp.split(separator: "\n").map { $0 + "\r\n" }.joined().utf8))
        let (der, key) = try sealer.seal(
            entity, algorithm: .aes128GCM, recipients: [.certificate(certificate)], reference: [7, 7], maxDecrypts: 1)
        var script = try CalleeScript(identity: bob)
        var invite = try script.request("INVITE")
        invite.setBody(der, contentType: Array("application/pkcs7-mime".utf8))
        try script.bench.receive(invite)
        let answer = try script.bench.takeOne()
        #expect(answer.status == 200)
        script.tag = answer.tag(of: .to).map(answer.text) ?? ""
        try script.receive("ACK", branch: "ack", inDialog: true)
        // The first use is allowed, and takes the key away: there is nothing left to answer under.
        let (again, _) = try sealer.seal(entity, algorithm: .aes128GCM, recipients: [.contentKey(key)])
        for (sequence, status) in [(2, 500), (3, 493)] as [(Int, UInt16)] {
            var reinvite = try script.request("INVITE", sequence: sequence, inDialog: true)
            reinvite.setBody(again, contentType: Array("application/pkcs7-mime".utf8))
            try script.bench.receive(reinvite)
            #expect(try script.bench.takeOne().status == status)
        }
    }

    @Test
    func `takes a new key of the peer in place of the one held`() throws {
        let bob = try identity()
        let certificate = try bob.requireCertificate()
        let sealer = try EnvelopeSealer()
        let entity = MessageBody.entity(
            Array(CalleeScript.sdp.split(separator: "\n").map { $0 + "\r\n" }.joined().utf8))
        let (first, old) = try sealer.seal(
            entity, algorithm: .aes128GCM, recipients: [.certificate(certificate)], reference: [1])
        // Wrapped under the key held, with a reference of its own (RFC 3185).
        let (second, new) = try sealer.seal(
            entity, algorithm: .aes128GCM, recipients: [.contentKey(old)], reference: [2])
        var script = try CalleeScript(identity: bob)
        let opener = try EnvelopeOpener()
        for (sequence, body, key) in [(1, first, old), (2, second, new)] {
            var invite = try script.request("INVITE", sequence: sequence, inDialog: sequence > 1)
            invite.setBody(body, contentType: Array("application/pkcs7-mime".utf8))
            try script.bench.receive(invite)
            let answer = try script.bench.takeOne()
            script.tag = answer.tag(of: .to).map(answer.text) ?? ""
            let opened = try opener.open(answer.copy(answer.body), identities: [], contentKeys: [key])
            #expect(opened.usedKey === key)
            #expect(script.bench.desk.keyCount == 1)
            try script.receive("ACK", sequence: sequence, branch: "ack\(sequence)", inDialog: true)
        }
    }

    @Test
    func `cannot answer under a key without a reference`() throws {
        let bob = try identity()
        let (der, _) = try EnvelopeSealer().seal(
            MessageBody.entity(Array(CalleeScript.sdp.split(separator: "\n").map { $0 + "\r\n" }.joined().utf8)),
            algorithm: .aes128GCM, recipients: [.certificate(try bob.requireCertificate())])
        var script = try CalleeScript(identity: bob)
        var invite = try script.request("INVITE")
        invite.setBody(der, contentType: Array("application/pkcs7-mime".utf8))
        try script.bench.receive(invite)
        #expect(try script.bench.takeOne().status == 500)
        #expect(script.bench.desk.keyCount == 0)
    }
}
