import FakeDigesting
import Registration
import SIPText
import SIPTransactions
import Testing
import Wire

/// A registrar with alice and bob in virtual time, and a store that does what the test says.
final class Bench {
    let digests = FakeDigests()
    var registrar: Registrar<Int>
    var now = MonotonicTime(nanoseconds: 1_000_000_000_000)
    var flow: Flow
    private var reference = 0
    private var count: UInt32 = 0
    private(set) var stored: [LocationChange] = []

    static let key = [UInt8](repeating: 0x5A, count: 32)

    init(md5: Bool = false, sha256: Bool = true, _ adjust: (inout RegistrarSettings) -> Void = { _ in }) throws {
        var settings = RegistrarSettings(domains: [Array("example.net".utf8)])
        adjust(&settings)
        flow = Flow(
            transport: .udp, local: try #require(Endpoint("192.0.2.254:5060")),
            remote: try #require(Endpoint("192.0.2.1:5060")))
        registrar = Registrar(
            settings: settings,
            authenticator: DigestAuthenticator(
                realm: Array("example.net".utf8), allowsMD5: md5, offersSHA256: sha256, key: Self.key, digests: digests)
        )
        registrar.replaceUsers([user("alice"), user("bob")])
    }

    func user(_ name: String) -> RegisteredUser {
        let password = Array("secret-\(name)".utf8)
        return RegisteredUser(
            name: Array(name.utf8), realm: Array("example.net".utf8), password: password.span, keepsMD5: true,
            digests: digests)
    }

    func pass(_ duration: Duration) { now = now + duration }

    /// A nonce that nobody has used.
    func nonce() throws -> String {
        let actions = registrar.handle(try Register().message(), as: -1, from: flow, at: now)
        guard case .respond(let response, _) = try #require(actions.first) else { throw Register.Unreadable(text: "") }
        return try #require(response.nonce)
    }

    /// Hands in a REGISTER with credentials of its own and gives what comes back at once.
    func send(_ register: Register, as account: Account = Account()) throws -> [RegistrarAction<Int>] {
        let credentials = account.credentials(
            digests, nonce: try nonce(), method: register.method, uri: register.uri)
        return send(try register.message(["Authorization: " + credentials]))
    }

    func send(_ message: Message) -> [RegistrarAction<Int>] {
        reference += 1
        return registrar.handle(message, as: reference, from: flow, at: now)
    }

    func stored(_ token: StoreToken, _ succeeded: Bool = true) -> [RegistrarAction<Int>] {
        registrar.stored(token, succeeded: succeeded, at: now)
    }

    func statelessChallenge(to message: Message) -> Message? { registrar.statelessChallenge(to: message, at: now) }

    func verify(_ message: Message, _ field: CredentialField) -> AuthenticationVerdict {
        registrar.authenticator.verify(message, field, at: now)
    }

    /// Hands it in, stores what is to be stored, and gives the response.
    func answer(_ register: Register, as account: Account = Account()) throws -> Message {
        try response(to: try send(register, as: account))
    }

    /// The one response that actions end in, everything stored on the way.
    func response(to actions: [RegistrarAction<Int>], storing succeeds: Bool = true) throws -> Message {
        try #require(actions.count == 1)
        switch actions[0] {
        case .respond(let response, _): return response
        case .store(let token, let change):
            if succeeds { stored.append(change) }
            return try response(to: stored(token, succeeds))
        }
    }

    /// Who is reached at an address, in order.
    func contacts(_ uri: String = "sip:alice@example.net") throws -> [String] {
        let aor = try #require(canonical(uri))
        return registrar.contacts(of: aor, at: now).map { String(decoding: $0.contact, as: UTF8.self) }
    }
}

/// The address-of-record that a URI is.
func canonical(_ uri: String) -> AddressOfRecord? {
    let octets = Array(uri.utf8)
    return AddressOfRecord(uri: octets.span)
}
