import SIPText
import Wire

/// Digest credentials: nothing around the value matters, what is read lies in it and is what a hash is computed of.
enum DigestFuzz {
    @Sendable static func fault(_ octets: [UInt8]) -> String? {
        var readings: [[[UInt8]?]] = []
        for placed in Placed.pair(octets) {
            let credentials: DigestCredentials
            do throws(ParseError) {
                credentials = try DigestCredentials(in: placed.bytes.span, placed.slice)
            } catch {
                guard error.offset >= placed.slice.range.lowerBound, error.offset <= placed.slice.range.upperBound
                else {
                    return "\(error) is outside of the value"
                }
                readings.append([Array("\(error.code)".utf8)])
                continue
            }
            let slices = [
                credentials.username, credentials.realm, credentials.nonce, credentials.uri, credentials.response,
                credentials.clientNonce, credentials.nonceCount,
            ]
            if let fault = outside(slices, within: placed.slice.range, "credentials") { return fault }
            for (position, slice) in slices.enumerated() {
                // Only the client's nonce and the count may be absent, and then together.
                if slice.isEmpty, position < 5 || credentials.protection != .none {
                    return "an empty parameter is read"
                }
                // A quote inside would end the string that is hashed elsewhere, unless it is escaped.
                let copy = placed.copy(slice) ?? []
                for (index, octet) in copy.enumerated() where octet == ASCII.quote {
                    var escapes = 0
                    while escapes < index, copy[index - 1 - escapes] == ASCII.backslash { escapes += 1 }
                    guard escapes % 2 == 1 else { return "a quote is inside a value" }
                }
            }
            readings.append(slices.map(placed.copy) + [Array("\(credentials.nonceCountValue)".utf8)])
        }
        return readings[0] == readings[1] ? nil : "what stands around the credentials matters"
    }

    static let seeds: [[UInt8]] = [
        "Digest username=\"bob\", realm=\"a\", nonce=\"n\", uri=\"sip:a\", response=\"\(String(repeating: "0f", count: 16))\"",
        """
        DIGEST username="b\\"o\\\\b" , realm="a b",nonce="n",uri="sip:a;x=\\"1\\"",qop=auth,nc=0000000A,cnonce="c", \
        algorithm=SHA-256, opaque="", response="\(String(repeating: "Ab", count: 32))"
        """,
        """
        Digest username="bob", userhash=false, realm="a", nonce="n", uri="sip:a", algorithm="MD5-sess", qop="auth-int", \
        nc="ffffffff", cnonce="c", response="00", extension=token
        """,
        "Digest username*=UTF-8''b, realm=\"a\"", "Basic YWxhZGRpbg==",
    ].map { Array($0.utf8) }
}
