import FakeDigesting
import Registration
import SIPText
import SIPTransactions
import Testing
import Wire

/// The client's half of Digest, written apart from the server's.
struct Account {
    var name = "alice"
    var password = "secret-alice"
    var realm = "example.net"

    /// `Digest ...` for a challenge's nonce.
    func credentials(
        _ digests: FakeDigests, nonce: String, nc: UInt32 = 1, method: String = "REGISTER",
        uri: String = "sip:example.net",
        hash: DigestHash = .sha256, qop: String? = "auth", body: String = "", shownName: String? = nil
    ) -> String {
        func h(_ text: String) -> String {
            let octets = Array(text.utf8)
            var output: [UInt8] = []
            switch hash {
            case .sha256: digests.append(sha256: octets.span, to: &output)
            case .md5: digests.append(md5: octets.span, to: &output)
            }
            return output.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        var count = String(nc, radix: 16)
        count = String(repeating: "0", count: 8 - count.count) + count
        let ha1 = h("\(name):\(realm):\(password)")
        let ha2 = h(qop == "auth-int" ? "\(method):\(uri):\(h(body))" : "\(method):\(uri)")
        let middle = qop.map { "\(nonce):\(count):c0ffee:\($0)" } ?? nonce
        let response = h("\(ha1):\(middle):\(ha2)")
        let counting = qop.map { ", qop=\($0), nc=\(count), cnonce=\"c0ffee\"" } ?? ""
        return """
            Digest username="\(shownName ?? name)", realm="\(realm)", nonce="\(nonce)", uri="\(uri)", \
            response="\(response)", algorithm=\(String(describing: hash.name))\(counting)
            """
    }
}

/// REGISTERs as a phone writes them.
struct Register {
    var uri = "sip:example.net"
    var to = "sip:alice@example.net"
    var from = "sip:alice@example.net"
    var callID = "call-1"
    var sequence: UInt32 = 1
    var vias = ["SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"]
    /// Contact, Expires, Supported and so on, each with its name.
    var lines: [String] = []
    var body = ""
    var method = "REGISTER"

    init(_ lines: [String] = [], sequence: UInt32 = 1, callID: String = "call-1") {
        self.lines = lines
        self.sequence = sequence
        self.callID = callID
    }

    func message(_ credentials: [String] = []) throws -> Message {
        var text = "\(method) \(uri) SIP/2.0\r\n"
        for via in vias { text += "Via: \(via)\r\n" }
        text += "From: <\(from)>;tag=f1\r\nTo: <\(to)>\r\nCall-ID: \(callID)\r\nCSeq: \(sequence) \(method)\r\n"
        text += "Max-Forwards: 70\r\n"
        for line in lines + credentials { text += line + "\r\n" }
        text += "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        guard case .message(let message) = MessageParser.parse(Array(text.utf8)) else {
            throw Unreadable(text: text)
        }
        return message
    }

    struct Unreadable: Error { var text: String }
}

extension Message {
    /// The values of a field as texts, by its name.
    func texts(_ name: HeaderName) -> [String] { fields.filter { $0.name == name }.map { text($0.value) } }

    /// The value of a field that `HeaderName` does not know.
    func text(named name: String) -> String? { fields.first { text($0.text) == name }.map { text($0.value) } }

    var reason: String? {
        guard case .response(_, let reason) = startLine else { return nil }
        return text(reason)
    }

    /// The nonce of its first challenge.
    var nonce: String? {
        let name: HeaderName = firstIndex(of: .wwwAuthenticate) == nil ? .proxyAuthenticate : .wwwAuthenticate
        guard let challenge = texts(name).first, let start = challenge.firstRange(of: "nonce=\"") else { return nil }
        return String(challenge[start.upperBound...].prefix { $0 != "\"" })
    }

    var isStaleChallenge: Bool {
        (texts(.wwwAuthenticate) + texts(.proxyAuthenticate)).contains { $0.contains("stale=true") }
    }
}
