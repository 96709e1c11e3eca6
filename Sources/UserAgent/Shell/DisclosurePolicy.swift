public import Crypto
import Wire

/// Which servers may be told a session description when they ask by a 496, which anyone on the path can send: the
/// names that the user gave, and the certificates or authorities that the user pinned.
public struct DisclosurePolicy: Sendable {
    /// Host names: the outbound proxy, the home domain, and what else the user named. Compared in any letter case.
    public var names: [String] = []
    /// Certificates that are trusted as they are, and authorities whose signature is enough. When there is one, a name
    /// alone is not enough any more.
    public var anchors: [Certificate] = []

    /// Nobody may be told.
    public init() {}

    enum Verdict: Equatable {
        case trusted(host: String)
        case refused(String)
    }

    /// Judges the certificate of a 496 (draft-ietf-sip-e2m-sec-06 section 8.1).
    ///
    /// - Parameters:
    ///   - host: of the Warning that came with it; nil without one.
    ///   - now: seconds since 1970-01-01 UTC.
    func judge(_ certificate: Certificate, host: String?, now: Int64) -> Verdict {
        guard certificate.notBefore <= now, now <= certificate.notAfter else {
            return .refused("the server's certificate is not valid now")
        }
        let candidates = certificate.dnsNames.filter { name in
            host.map { Self.equal($0, name) } ?? true
        }
        guard !candidates.isEmpty else {
            return .refused(
                "the server's certificate is for another name than \(host.map(Self.printable) ?? "any host")")
        }
        if anchors.contains(where: { $0.der == certificate.der }) { return .trusted(host: candidates[0]) }
        guard let name = candidates.first(where: { name in names.contains { Self.equal($0, name) } }) else {
            let shown = Self.printable(candidates[0])
            return .refused("\(shown) asks to read the session description and is none of the allowed servers")
        }
        guard anchors.isEmpty || anchors.contains(where: { Self.isIssued(certificate, by: $0, now: now) }) else {
            return .refused("the certificate of \(Self.printable(name)) is neither trusted itself nor signed by who is")
        }
        return .trusted(host: name)
    }

    private static func isIssued(_ certificate: Certificate, by issuer: Certificate, now: Int64) -> Bool {
        certificate.issuer == issuer.subject && issuer.notBefore <= now && now <= issuer.notAfter
            && certificate.isSigned(by: issuer)
    }

    private static func equal(_ a: String, _ b: String) -> Bool {
        ASCII.equalIgnoringCase(Array(a.utf8).span, Array(b.utf8).span)
    }

    private static func printable(_ name: String) -> String { PrintableText.line(name.utf8) }
}
