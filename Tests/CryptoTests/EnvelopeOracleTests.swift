import CMSText
import Crypto
import Testing

/// Both ways between this module and Debian's `openssl cms`.
@Suite struct EnvelopeOracleTests {
    let peers: Peers
    let opener: EnvelopeOpener
    let sealer: EnvelopeSealer
    let openssl: OpenSSLCommand

    init() throws {
        peers = try Peers.shared.get()
        opener = try EnvelopeOpener()
        sealer = try EnvelopeSealer()
        openssl = try OpenSSLCommand()
    }

    @Test(arguments: ContentAlgorithm.allCases, RecipientKind.allCases)
    func `what is sealed here opens there`(algorithm: ContentAlgorithm, kind: RecipientKind) throws {
        let sealed = try sealer.seal(
            sdp, algorithm: algorithm, recipients: [kind.recipient(peers)], reference: Array("call-1".utf8),
            maxDecrypts: 9)
        try openssl.write(sealed.der, to: "message.der")
        try openssl.write(kind.identity(peers), as: "us")
        try openssl.run(
            "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "message.der", "-inkey", "us.key", "-recip",
            "us.pem", "-out", "content")
        #expect(try openssl.read("content") == sdp)
    }

    @Test(arguments: ContentAlgorithm.allCases, RecipientKind.allCases)
    func `what is sealed there opens here`(algorithm: ContentAlgorithm, kind: RecipientKind) throws {
        try openssl.write(sdp, to: "content")
        try openssl.write(kind.identity(peers), as: "us")
        let arguments =
            [
                "cms", "-encrypt", "-binary", algorithm.option, "-outform", "DER", "-in", "content", "-out",
                "message.der", "-recip", "us.pem",
            ] + kind.options
        #expect(try openssl.status(of: arguments) == 0)
        let opened = try opener.open(
            openssl.read("message.der"), identities: [peers.stranger, kind.identity(peers)], contentKeys: [])
        #expect(opened.plaintext == sdp)
        #expect(opened.contentKey.algorithm == algorithm)
        #expect(opened.isAuthenticated == algorithm.isAuthenticated)
        #expect(opened.openedBy == .publicKey)
        #expect(opened.reference == nil)
        #expect(opened.usedKey == nil)
    }
}
