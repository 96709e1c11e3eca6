import FakeDigesting
import GateProtocol
import Registration
import SIPText
import SIPTransactions
import Wire

@testable import Gateway

/// A call of a script to a user with several phones, each registered with its own contact.
struct Fork {
    let script: Script
    let caller: Leg
    /// The phones in the order of their registration, the first registered first.
    let callees: [Leg]

    /// A phone of the callee.
    struct Device {
        var side = Side.outside
        var q: UInt16 = 1_000
        var path: [[UInt8]] = []
    }

    static let domain = Array("home.example".utf8)

    /// - Parameter change: alters the gateway's settings.
    init(
        _ setting: Setting = Setting(), _ devices: [Device], users: [String] = ["bob"],
        change: (inout ControllerSettings) -> Void = { _ in }
    ) {
        script = Script(setting, registrar: Self.registrar(users: users)) { settings in
            settings.authenticatesCalls = false
            change(&settings)
        }
        let callID = "fork-1"
        let (alice, bob) = ("sip:alice@elsewhere.example", "sip:bob@home.example")
        caller = Leg(
            script.phone(setting.caller, 9), callID: callID, isCaller: true, localURI: alice, remoteURI: bob)
        var callees: [Leg] = []
        var bindings: [Binding] = []
        for (number, device) in devices.enumerated() {
            let phone = script.phone(device.side, UInt32(50 + number))
            callees.append(
                Leg(
                    phone, callID: callID, isCaller: false, localURI: bob, remoteURI: alice, name: "-\(number)"))
            let uri = Array(String(decoding: phone.contact, as: UTF8.self).dropFirst().dropLast().utf8)
            var binding = Binding(
                contact: uri, q: device.q, expires: MonotonicTime(nanoseconds: 3_600_000_000_000),
                callID: Array("r\(number)".utf8), sequence: 1,
                flow: Flow(
                    transport: setting.transport, local: phone.gateway, remote: phone.endpoint,
                    connection: phone.connection))
            binding.path = device.path
            // The one that was registered last is looked up first.
            bindings.append(binding)
        }
        self.callees = callees
        let change = LocationChange(
            aor: AddressOfRecord(user: Array("bob".utf8), domain: Self.domain), bindings: bindings)
        script.controller.registrar?.restore([change], at: script.now)
    }

    static func registrar(users: [String]) -> GatewayRegistrar {
        let digests = FakeDigests()
        var authenticator = DigestAuthenticator(
            realm: domain, key: Array(repeating: 7, count: 32), digests: digests)
        authenticator.replaceUsers(
            users.map {
                RegisteredUser(
                    name: Array($0.utf8), realm: domain, password: Array("secret".utf8).span, keepsMD5: false,
                    digests: digests)
            })
        return GatewayRegistrar(settings: RegistrarSettings(domains: [domain]), authenticator: authenticator)
    }

    /// The first two phones answer before the gate has answered for either.
    func answerTogether() {
        script.gate.isManual = true
        callees[0].answer()
        callees[1].answer()
        while !script.gate.waiting.isEmpty { script.answerGate() }
        script.gate.isManual = false
    }

    /// The paths between the caller's audio and a callee's.
    func paths(to callee: Leg) -> [MediaPath] {
        zip(Call.pair(caller.media), Call.pair(callee.media)).map { one, other in
            caller.phone.side == .inside
                ? MediaPath(inside: one, outside: other) : MediaPath(inside: other, outside: one)
        }
    }
}
