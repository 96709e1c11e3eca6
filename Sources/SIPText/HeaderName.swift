import Wire

/// A header field name that this code reads or writes; every other is `other`, its text in the message.
public enum HeaderName: UInt8, Hashable, Sendable, CaseIterable {
    case via, from, to, callID, cseq, contact, maxForwards, route, recordRoute
    case contentLength, contentType, contentTransferEncoding, contentID, contentDisposition, contentEncoding
    case supported, require, proxyRequire, unsupported, allow, accept, expires, minExpires, date, warning, retryAfter
    case userAgent, server, subject, event, path, reason
    case authorization, wwwAuthenticate, proxyAuthorization, proxyAuthenticate
    case sessionExpires, minSE, rSeq, rAck, timestamp, maxBreadth
    /// `Proxy-Inspect-Body`, draft-ietf-sip-e2m-sec-06 section 6: the form that is sent.
    case proxyInspectBody
    /// The same header in drafts up to -04.
    case proxyRequiredBody
    /// The same header as the patent's example names it.
    case sessionPolicy
    case other

    /// The name as it is written; empty for `other`.
    public var text: StaticString {
        switch self {
        case .via: "Via"
        case .from: "From"
        case .to: "To"
        case .callID: "Call-ID"
        case .cseq: "CSeq"
        case .contact: "Contact"
        case .maxForwards: "Max-Forwards"
        case .route: "Route"
        case .recordRoute: "Record-Route"
        case .contentLength: "Content-Length"
        case .contentType: "Content-Type"
        case .contentTransferEncoding: "Content-Transfer-Encoding"
        case .contentID: "Content-ID"
        case .contentDisposition: "Content-Disposition"
        case .contentEncoding: "Content-Encoding"
        case .supported: "Supported"
        case .require: "Require"
        case .proxyRequire: "Proxy-Require"
        case .unsupported: "Unsupported"
        case .allow: "Allow"
        case .accept: "Accept"
        case .expires: "Expires"
        case .minExpires: "Min-Expires"
        case .date: "Date"
        case .warning: "Warning"
        case .retryAfter: "Retry-After"
        case .userAgent: "User-Agent"
        case .server: "Server"
        case .subject: "Subject"
        case .event: "Event"
        case .path: "Path"
        case .reason: "Reason"
        case .authorization: "Authorization"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .proxyAuthorization: "Proxy-Authorization"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .sessionExpires: "Session-Expires"
        case .minSE: "Min-SE"
        case .rSeq: "RSeq"
        case .rAck: "RAck"
        case .timestamp: "Timestamp"
        case .maxBreadth: "Max-Breadth"
        case .proxyInspectBody: "Proxy-Inspect-Body"
        case .proxyRequiredBody: "Proxy-Required-Body"
        case .sessionPolicy: "Session-Policy"
        case .other: ""
        }
    }

    /// Recognises a name in any letter case and in its compact form (RFC 3261 section 7.3.3).
    public init(_ text: Span<UInt8>) {
        let initial = ASCII.lowercase(text.isEmpty ? 0 : text[0])
        if text.count == 1 {
            self = Self.compact(initial)
            return
        }
        let (candidate, second) = Self.candidates(text.count, initial)
        if candidate != .other, ASCII.equalIgnoringCase(text, candidate.text) {
            self = candidate
        } else if second != .other, ASCII.equalIgnoringCase(text, second.text) {
            self = second
        } else {
            self = .other
        }
    }

    private static func compact(_ letter: UInt8) -> HeaderName {
        switch letter {
        case UInt8(ascii: "v"): .via
        case UInt8(ascii: "f"): .from
        case UInt8(ascii: "t"): .to
        case UInt8(ascii: "i"): .callID
        case UInt8(ascii: "m"): .contact
        case UInt8(ascii: "l"): .contentLength
        case UInt8(ascii: "c"): .contentType
        case UInt8(ascii: "e"): .contentEncoding
        case UInt8(ascii: "k"): .supported
        case UInt8(ascii: "s"): .subject
        case UInt8(ascii: "o"): .event
        case UInt8(ascii: "x"): .sessionExpires
        default: .other
        }
    }

    /// The names of that length and first letter: never more than two, so that two comparisons decide.
    private static func candidates(_ count: Int, _ initial: UInt8) -> (HeaderName, HeaderName) {
        switch (count, initial) {
        case (2, UInt8(ascii: "t")): (.to, .other)
        case (3, UInt8(ascii: "v")): (.via, .other)
        case (4, UInt8(ascii: "c")): (.cseq, .other)
        case (4, UInt8(ascii: "d")): (.date, .other)
        case (4, UInt8(ascii: "f")): (.from, .other)
        case (4, UInt8(ascii: "p")): (.path, .other)
        case (4, UInt8(ascii: "r")): (.rSeq, .rAck)
        case (5, UInt8(ascii: "a")): (.allow, .other)
        case (5, UInt8(ascii: "e")): (.event, .other)
        case (5, UInt8(ascii: "r")): (.route, .other)
        case (6, UInt8(ascii: "a")): (.accept, .other)
        case (6, UInt8(ascii: "m")): (.minSE, .other)
        case (6, UInt8(ascii: "r")): (.reason, .other)
        case (6, UInt8(ascii: "s")): (.server, .other)
        case (7, UInt8(ascii: "c")): (.callID, .contact)
        case (7, UInt8(ascii: "e")): (.expires, .other)
        case (7, UInt8(ascii: "r")): (.require, .other)
        case (7, UInt8(ascii: "s")): (.subject, .other)
        case (7, UInt8(ascii: "w")): (.warning, .other)
        case (9, UInt8(ascii: "s")): (.supported, .other)
        case (9, UInt8(ascii: "t")): (.timestamp, .other)
        case (10, UInt8(ascii: "c")): (.contentID, .other)
        case (10, UInt8(ascii: "u")): (.userAgent, .other)
        case (11, UInt8(ascii: "m")): (.minExpires, .maxBreadth)
        case (11, UInt8(ascii: "r")): (.retryAfter, .other)
        case (11, UInt8(ascii: "u")): (.unsupported, .other)
        case (12, UInt8(ascii: "c")): (.contentType, .other)
        case (12, UInt8(ascii: "m")): (.maxForwards, .other)
        case (12, UInt8(ascii: "r")): (.recordRoute, .other)
        case (13, UInt8(ascii: "a")): (.authorization, .other)
        case (13, UInt8(ascii: "p")): (.proxyRequire, .other)
        case (14, UInt8(ascii: "c")): (.contentLength, .other)
        case (14, UInt8(ascii: "s")): (.sessionPolicy, .other)
        case (15, UInt8(ascii: "s")): (.sessionExpires, .other)
        case (16, UInt8(ascii: "c")): (.contentEncoding, .other)
        case (16, UInt8(ascii: "w")): (.wwwAuthenticate, .other)
        case (18, UInt8(ascii: "p")): (.proxyAuthenticate, .proxyInspectBody)
        case (19, UInt8(ascii: "c")): (.contentDisposition, .other)
        case (19, UInt8(ascii: "p")): (.proxyAuthorization, .proxyRequiredBody)
        case (25, UInt8(ascii: "c")): (.contentTransferEncoding, .other)
        default: (.other, .other)
        }
    }
}

extension HeaderName {
    /// Whether a message may carry the field once only and in one value; a second is how messages are smuggled past
    /// readers that take the other one.
    var isSingleton: Bool {
        switch self {
        case .from, .to, .callID, .cseq, .maxForwards, .contentLength, .contentType, .contentTransferEncoding,
            .contentID:
            true
        case .via, .contact, .route, .recordRoute, .contentDisposition, .contentEncoding, .supported, .require,
            .proxyRequire, .unsupported, .allow, .accept, .expires, .minExpires,
            .date, .warning, .retryAfter, .userAgent, .server, .subject, .event, .path, .reason, .authorization,
            .wwwAuthenticate, .proxyAuthorization, .proxyAuthenticate, .sessionExpires, .minSE, .rSeq, .rAck,
            .timestamp, .maxBreadth, .proxyInspectBody, .proxyRequiredBody, .sessionPolicy, .other:
            false
        }
    }
}
