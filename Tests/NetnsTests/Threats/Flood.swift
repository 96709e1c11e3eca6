import CLinux
import Glibc
import Lab
import Wire

/// Requests of nobody from many sources, as many a second as are asked for or as this machine gives. What is sent is
/// written before; only its numbers change, so that none is another's retransmission.
final class Flood {
    /// Datagrams of one system call; all are of one source.
    private static let batch = 16
    /// What is sent in one slice of time at most, however far behind it is.
    private static let mostAtOnce = 100
    /// A number's digits, wherever they stand in a request.
    private static let digits = Array("00000000".utf8)

    private let sockets: [PlainSocket]
    private let rate: Double
    private var octets: [UInt8] = []
    private var datagrams: [CLinux_datagram] = []
    /// Where the digits of each datagram's number begin.
    private var places: [[Int]] = []
    private var start: ContinuousClock.Instant?
    /// Messages that were sent.
    private(set) var sent = 0

    /// - Parameters:
    ///   - sources: how many addresses of loopback send by turns.
    ///   - rate: messages a second.
    init(of sources: UInt32, rate: Int, to gateway: Endpoint, in namespace: Namespace) throws {
        sockets = try (0..<sources).map { number in
            try PlainSocket(.udp, Endpoint(.v4(0x7F01_0101 + number), 0), in: namespace)
        }
        self.rate = Double(rate)
        guard case .v4(let address) = gateway.address else { throw Command.Failure(description: "not over IPv6") }
        let kinds = Self.kinds
        for number in 0..<Self.batch {
            let text = kinds[number % kinds.count]
            var datagram = CLinux_datagram()
            (datagram.offset, datagram.length) = (UInt32(octets.count), UInt32(text.count))
            (datagram.port, datagram.width) = (gateway.port, 4)
            withUnsafeMutableBytes(of: &datagram.address) { $0.storeBytes(of: address.bigEndian, as: UInt32.self) }
            datagrams.append(datagram)
            places.append(
                text.indices.filter { text[$0...].starts(with: Self.digits) }.map { octets.count + $0 })
            octets += text
        }
    }

    /// One of each kind: what is challenged, what is refused, what has a transaction, what belongs to no call, what is no SIP.
    static let kinds: [[UInt8]] = {
        func ask(_ method: String, _ uri: String, from: String, rows: [String] = [], tag: String = "") -> [UInt8] {
            var ask = Ask("flood-00000000")
            (ask.method, ask.uri, ask.rows) = (method, uri, rows)
            ask.from = "sip:\(from)"
            (ask.to, ask.toTag) = (method == "REGISTER" ? ask.from : uri, tag)
            return Array(ask.text.utf8)
        }
        let (home, alice) = ("sip:home.example.net", "sip:alice@home.example.net")
        let (own, stranger) = ("f-00000000@home.example.net", "flood@elsewhere.example")
        let credentials =
            "Authorization: Digest username=\"alice\", realm=\"home.example.net\", nonce=\"00000000\", uri=\"\(home)\", "
            + "response=\"\(String(repeating: "0", count: 64))\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"c\""
        return [
            ask("REGISTER", home, from: own), ask("REGISTER", home, from: own, rows: [credentials]),
            ask("INVITE", alice, from: own), ask("INVITE", alice, from: stranger),
            ask("MESSAGE", "sip:nobody@nowhere.example", from: stranger),
            ask("OPTIONS", "sip:gw.example.net", from: stranger),
            ask("BYE", "sip:bob@10.2.0.2", from: stranger, tag: ";tag=00000000"),
            Array("\0\u{1}no SIP at all 00000000\r\n\r\n".utf8),
        ]
    }()

    /// Sends what is due by now.
    func sendWhatIsDue() {
        let now = ContinuousClock.now
        let begun = start ?? now
        start = begun
        let due = Int((now - begun) / .seconds(1) * rate)
        for _ in 0..<min((due - sent) / Self.batch, Self.mostAtOnce) { sendBatch() }
    }

    private func sendBatch() {
        let socket = sockets[sent / Self.batch % sockets.count]
        octets.withUnsafeMutableBufferPointer { octets in
            for (index, places) in places.enumerated() {
                var rest = sent + index
                for digit in (0..<Self.digits.count).reversed() {
                    for place in places { octets[place + digit] = 0x30 + UInt8(rest % 10) }
                    rest /= 10
                }
            }
            guard let base = octets.baseAddress else { return }
            let count = CLinux_send_datagrams(socket.descriptor, base, datagrams, UInt32(datagrams.count))
            sent += max(0, Int(count))
        }
    }
}
