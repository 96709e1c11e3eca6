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
        switch text.count {
        case 1: self = Self.compact(ASCII.lowercase(text[0]))
        case 2: self = ASCII.equalIgnoringCase(text, "To") ? .to : .other
        case 3: self = ASCII.equalIgnoringCase(text, "Via") ? .via : .other
        case 4: self = Self.first(of: Self.four, matching: text)
        case 5: self = Self.first(of: Self.five, matching: text)
        case 6: self = Self.first(of: Self.six, matching: text)
        case 7: self = Self.first(of: Self.seven, matching: text)
        case 10: self = Self.first(of: Self.ten, matching: text)
        case 12: self = Self.first(of: Self.twelve, matching: text)
        case 14: self = Self.first(of: Self.fourteen, matching: text)
        default: self = Self.first(of: Self.rest, matching: text)
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

    private static func first(of names: [HeaderName], matching text: Span<UInt8>) -> HeaderName {
        let initial = ASCII.lowercase(text.isEmpty ? 0 : text[0])
        for name in names {
            let candidate = name.text
            if candidate.utf8CodeUnitCount == text.count, ASCII.lowercase(candidate.utf8Start[0]) == initial,
                ASCII.equalIgnoringCase(text, candidate)
            {
                return name
            }
        }
        return .other
    }

    private static let four: [HeaderName] = [.from, .cseq, .date, .path, .rSeq, .rAck]
    private static let five: [HeaderName] = [.route, .allow, .event]
    private static let six: [HeaderName] = [.accept, .server, .reason, .minSE]
    private static let seven: [HeaderName] = [.callID, .contact, .require, .expires, .subject, .warning]
    private static let ten: [HeaderName] = [.userAgent, .contentID]
    private static let twelve: [HeaderName] = [.contentType, .maxForwards, .recordRoute]
    private static let fourteen: [HeaderName] = [.contentLength, .sessionPolicy]
    private static let rest: [HeaderName] = {
        let sorted = four + five + six + seven + ten + twelve + fourteen + [.via, .to, .other]
        return allCases.filter { !sorted.contains($0) }
    }()
}

extension HeaderName {
    /// Whether a message may carry the field once only and in one value; a second is how messages are smuggled past
    /// readers that take the other one.
    var isSingleton: Bool {
        switch self {
        case .from, .to, .callID, .cseq, .maxForwards, .contentLength, .contentType: true
        case .via, .contact, .route, .recordRoute, .contentTransferEncoding, .contentID, .contentDisposition,
            .contentEncoding, .supported, .require, .proxyRequire, .unsupported, .allow, .accept, .expires, .minExpires,
            .date, .warning, .retryAfter, .userAgent, .server, .subject, .event, .path, .reason, .authorization,
            .wwwAuthenticate, .proxyAuthorization, .proxyAuthenticate, .sessionExpires, .minSE, .rSeq, .rAck,
            .timestamp, .maxBreadth, .proxyInspectBody, .proxyRequiredBody, .sessionPolicy, .other:
            false
        }
    }
}
