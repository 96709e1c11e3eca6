public import SIPText
import Wire

// The two requests that are made from another request and not by a transaction user.
extension Message {
    /// The Max-Forwards that a new request starts with (RFC 3261 section 8.1.1.6).
    private static let firstMaxForwards: StaticString = "70"

    /// The ACK for a response of 300 to 699 (RFC 3261 section 17.1.1.3): part of the INVITE's transaction, so it has the
    /// branch of the INVITE and goes where that went. The ACK for a 2xx is not this one.
    ///
    /// - Parameters:
    ///   - response: the final response; its To, with the tag, becomes the ACK's.
    ///   - invite: the INVITE as it was sent.
    public static func acknowledgement(of response: Message, to invite: Message) -> Message {
        var ack = invite.follower(.ack)
        ack.appendFields(of: .to, from: response)
        return ack
    }

    /// The CANCEL for a request (RFC 3261 section 9.1): a transaction of its own, with the branch of the INVITE. It may
    /// be sent only after a provisional response has come, and to where the INVITE went.
    ///
    /// - Parameter invite: the INVITE as it was sent.
    public static func cancel(for invite: Message) -> Message {
        var cancel = invite.follower(.cancel)
        cancel.appendFields(of: .to, from: invite)
        return cancel
    }

    /// Request-URI, topmost Via, Route, From, Call-ID and the CSeq number of this request, under another method.
    private func follower(_ method: Method) -> Message {
        var request = Message(request: method, uri: requestURI.map(copy) ?? [], sequence: cseq.number)
        if let via = firstValue(of: .via) { request.append(.via, copy(via)) }
        var hops: [UInt8] = []
        hops.append(literal: Self.firstMaxForwards)
        request.append(.maxForwards, hops)
        request.appendFields(of: .route, from: self)
        request.appendFields(of: .from, from: self)
        request.appendFields(of: .callID, from: self)
        return request
    }
}
