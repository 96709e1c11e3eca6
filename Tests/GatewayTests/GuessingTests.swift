import Registration
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Who asks for names learns neither which there are nor who is at home.
@Suite struct GuessingTests {
    private func script(perSource: Int = 10_000) -> Script {
        // "bob" is a user that no phone is registered for.
        Script(registrar: Fork.registrar(users: ["bob"])) { settings in
            settings.authenticatesCalls = false
            settings.admission = AdmissionPolicy(perSource: perSource, burstPerSource: perSource)
        }
    }

    /// What an OPTIONS or INVITE to a user of the registrar's domain gets: the octets of its final response.
    private func answer(_ script: Script, _ method: String, to user: String, number: Int = 0) -> [UInt8] {
        let phone = script.phone(.outside, 9)
        let text = """
            \(method) sip:\(user)@home.example SIP/2.0\r
            Via: SIP/2.0/UDP \(phone.endpoint);branch=z9hG4bK\(number);rport\r
            Max-Forwards: 70\r
            From: <sip:a@elsewhere.example>;tag=1\r
            To: <sip:somebody@home.example>\r
            Call-ID: guess-\(number)\r
            CSeq: 1 \(method)\r
            Contact: <sip:a@\(phone.endpoint)>\r
            Content-Length: 0\r
            \r

            """
        let before = phone.inbox.count
        guard case .message(let message) = MessageParser.parse(Array(text.utf8), requiresLength: false) else {
            return []
        }
        script.feed(
            .received(
                message, Flow(transport: .udp, local: script.setting.family.gateway(.outside), remote: phone.endpoint)))
        return phone.inbox.dropFirst(before).last { ($0.status ?? 0) >= 200 }?.bytes ?? []
    }

    /// Without the tag of the gateway, which is random for each request.
    private func withoutTag(_ octets: [UInt8]) -> String {
        let lines = String(decoding: octets, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        return lines.map { $0.hasPrefix("To:") ? String($0.prefix { $0 != ";" }) : String($0) }.joined(separator: "\n")
    }

    @Test(arguments: ["OPTIONS", "INVITE", "MESSAGE", "SUBSCRIBE"])
    func `T16: a name that is nobody's and one that is not at home get the same octets`(_ method: String) {
        let unknown = withoutTag(answer(script(), method, to: "nobody"))
        let offline = withoutTag(answer(script(), method, to: "bob"))
        #expect(unknown == offline && unknown.hasPrefix("SIP/2.0 480 "), "\(unknown)\n\(offline)")
    }

    @Test func `T16: ten thousand guesses in a second get twenty answers`() {
        let script = script(perSource: 20)
        let statuses = (0..<10_000).map {
            answer(script, "OPTIONS", to: "user\($0)", number: $0).starts(with: "SIP/2.0 480".utf8)
        }
        #expect(statuses.count { $0 } == 20)
        let refused = script.sent.count { $0.message.status == 503 }
        #expect(refused >= 9_900)
    }
}
