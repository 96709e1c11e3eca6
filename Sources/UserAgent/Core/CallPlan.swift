import SDPText
import SIPTransactions

/// A certificate that the shell holds, to encrypt to.
struct RecipientID: Hashable, Sendable {
    let value: Int
}

/// A server that is asked to read the session descriptions.
struct Disclosure: Hashable, Sendable {
    /// The host of its Proxy-Inspect-Body value.
    var host: [UInt8]
    var recipient: RecipientID
}

/// One call to make.
struct CallPlan: Sendable {
    /// The Request-URI and To: a SIP URI.
    var target: [UInt8]
    /// The From URI, without angle brackets.
    var from: [UInt8]
    /// Where the INVITE goes: the outbound proxy, or what the target resolves to.
    var destination: Destination
    /// The URI of the outbound proxy, a loose router; nil without one.
    var proxy: [UInt8]?
    var protection: Protection
    /// The callee, and whoever else may read.
    var recipients: [RecipientID] = []
    /// Servers that are asked to read; they are recipients too.
    var disclosures: [Disclosure] = []
    var reuse = KeyReuse.kek
    var timing = CallTiming()
    var formats = SDPBuilder.AudioFormat.allCases
}
