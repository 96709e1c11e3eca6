import GateProtocol
import SIPText
import Wire

/// A request or an answer that does not go on: the response that says so.
struct Rejection: Error, Equatable {
    var status: UInt16
    var reason: StaticString
    /// For Warning and for the log; nothing of a body, nothing that depends on a key.
    var why: String
    /// Whether the gateway's certificate goes with it.
    var offersCertificate = false
    var retryAfter: Int?
    /// The option tags of a 420 (RFC 3261 section 16.3 item 5).
    var unsupported: [UInt8] = []
    /// The shortest session interval that is accepted, in seconds (RFC 4028 section 5).
    var minSE: UInt32?
    /// A warn-code of RFC 3261 section 20.43, or 380 for what must be disclosed.
    var warnCode = 399

    static func == (a: Rejection, b: Rejection) -> Bool { a.status == b.status && a.why == b.why }

    init(_ status: UInt16, _ reason: StaticString, _ why: String) {
        self.status = status
        self.reason = reason
        self.why = why
    }
}

extension Rejection {
    /// The gate does not answer: the caller may try again.
    static var gateUnavailable: Rejection {
        var rejection = Rejection(503, "Service Unavailable", "the firewall does not answer")
        rejection.retryAfter = 5
        return rejection
    }

    static var full: Rejection {
        var rejection = Rejection(503, "Service Unavailable", "too many sessions")
        rejection.retryAfter = 10
        return rejection
    }

    static var tooManyCalls: Rejection {
        var rejection = Rejection(503, "Service Unavailable", "this user has as many calls as one may have")
        rejection.retryAfter = 10
        return rejection
    }

    /// Nobody here, and no way to somebody else (RFC 3261 section 21.4.5).
    static var noRoute: Rejection { Rejection(404, "Not Found", "no route to the domain of the Request-URI") }

    /// Nobody is registered by that name now (RFC 3261 section 21.4.18).
    static var notRegistered: Rejection {
        Rejection(480, "Temporarily Unavailable", "nobody is registered by that name")
    }

    /// The call that a 2xx would begin is over already.
    static var callIsOver: Rejection { Rejection(503, "Service Unavailable", "the call is over") }

    /// A request inside a dialog that nobody has here.
    static var unknownDialog: Rejection {
        Rejection(481, "Call/Transaction Does Not Exist", "no such dialog here")
    }

    /// No branch is left that the request may have (RFC 5393 section 5.3.3).
    static var tooBroad: Rejection { Rejection(440, "Max-Breadth Exceeded", "Max-Breadth is 0") }

    /// An offer of the other party waits for its answer (RFC 3261 section 14.2, RFC 3311 section 5.2).
    static var pending: Rejection { Rejection(491, "Request Pending", "another offer waits for its answer") }

    /// An offer of the same party waits for its answer (the same sections).
    static var tooEarly: Rejection {
        var rejection = Rejection(500, "Server Internal Error", "an earlier offer waits for its answer")
        rejection.retryAfter = 1
        return rejection
    }

    /// The SDP must be seen and is encrypted for others (draft-ietf-sip-e2m-sec-06 section 5.3).
    static var undecipherable: Rejection {
        var rejection = Rejection(496, "Proxy Undecipherable", "Required to View Content-Type 'application/sdp'")
        rejection.offersCertificate = true
        rejection.warnCode = 380
        return rejection
    }

    /// SDP in the clear, in a call whose SDP is protected.
    static var unprotected: Rejection {
        .notAcceptable("the SDP of this call is protected, and this one is not")
    }

    /// A body that anyone can see is malformed.
    static func badBody(_ what: String, _ error: ParseError) -> Rejection {
        Rejection(400, "Bad Request", "\(what): \(error)")
    }

    /// The SDP names what no pinhole may lead to.
    static func forbidden(_ why: String) -> Rejection { Rejection(403, "Forbidden", why) }

    /// The SDP asks for what this gateway cannot carry.
    static func notAcceptable(_ why: String) -> Rejection { Rejection(488, "Not Acceptable Here", why) }

    /// What the gate refused.
    init(_ refusal: GateRefusal) {
        switch refusal.reason {
        case .tooManySessions, .tableFull, .noPort, .notReady, .kernel, .badVersion, .halfOpenDisabled,
            .learningDisabled:
            self.init(503, "Service Unavailable", "the firewall refused: \(refusal.reason.phrase)")
            retryAfter = 10
        case .noRoute, .wrongInterface, .tooManyHoles, .conflict, .mixedFamilies:
            self = .notAcceptable("\(refusal)")
        case .forbiddenAddress, .ownAddress, .notInside, .notOutside, .forbiddenPort:
            self = .forbidden("\(refusal)")
        }
    }

    /// Whether the reason phrase has `why` in it: what is wrong with the request itself is said where people look first.
    private var saysWhere: Bool {
        switch status {
        case 400, 403, 413, 416, 420, 440, 482, 483, 488, 505, 513: true
        default: false
        }
    }

    /// What of `why` may stand in a header.
    private var printableWhy: some Sequence<UInt8> { why.utf8.filter { $0 >= ASCII.space && $0 < 0x7F } }

    /// The response to a request.
    func response(to request: Message, tag: [UInt8], settings: ControllerSettings) -> Message {
        var phrase: [UInt8] = []
        phrase.append(literal: reason)
        if saysWhere {
            phrase.append(literal: " - ")
            phrase.append(contentsOf: printableWhy)
        }
        var response = Message(status: status, phrase: phrase, to: request, tag: tag)
        var warning: [UInt8] = []
        ASCII.append(decimal: UInt64(warnCode), to: &warning)
        warning.append(ASCII.space)
        warning.append(contentsOf: settings.name)
        warning.append(literal: " \"")
        for octet in printableWhy {
            if octet == ASCII.quote || octet == ASCII.backslash { warning.append(ASCII.backslash) }
            warning.append(octet)
        }
        warning.append(ASCII.quote)
        response.append(.warning, warning)
        if !unsupported.isEmpty { response.append(.unsupported, unsupported) }
        if let minSE { response.append(.minSE, decimal: UInt64(minSE)) }
        if let retryAfter { response.append(.retryAfter, decimal: UInt64(retryAfter)) }
        if offersCertificate, !settings.disclosure.certificate.isEmpty {
            response.setBody(settings.disclosure.certificate, contentType: Array("application/pkix-cert".utf8))
        }
        return response
    }
}
