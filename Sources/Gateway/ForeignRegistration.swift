import SIPText
import SIPTransactions
import Wire

// A phone inside that is registered outside, at its provider: the provider must call it through the gateway, so its
// Contact becomes one at the gateway, and is its own again in the answer.
extension SessionController {
    /// Puts the gateway's Contacts into a REGISTER that leaves the inside.
    ///
    /// - Returns: why it cannot be done.
    func hideContacts(_ request: inout Message, from flow: Flow, toward destination: Destination) -> Rejection? {
        guard request.method == .register, settings.side(of: flow.remote.address) == .inside,
            settings.side(of: destination.remote.address) == .outside,
            let listener = settings.listener(facing: destination)
        else { return nil }
        let settings = settings
        return request.replaceContacts { uri, message throws(Rejection) in
            guard uri.count <= ContactToken.maximumURI else {
                throw Rejection(400, "Bad Request", "Contact: the URI is longer than \(ContactToken.maximumURI) octets")
            }
            let token = ContactToken(
                uri: message.copy(uri), way: PhoneWay(flow.transport, flow.remote, connection: flow.connection))
            var own: [UInt8] = []
            own.append(literal: "sip:")
            own += token.text(key: settings.contactKey)
            own.append(ASCII.at)
            Routing.appendHost(of: listener, settings, to: &own)
            listener.transport.appendParameter(to: &own)
            return own
        }
    }

    /// Gives the phone its own Contacts back in the answer to a REGISTER.
    func showContacts(_ response: inout Message) {
        let settings = settings
        _ = response.replaceContacts { uri, message throws(Rejection) in
            guard let parsed = try? URI(in: message.bytes.span, uri) else { return nil }
            return ContactToken(message.octets(parsed.user), key: settings.contactKey)?.uri
        }
    }
}

extension Message {
    /// Replaces the URIs of Contact; what stands around them stays, `*` too.
    ///
    /// - Parameter body: gives the new URI, or nil to leave the old one.
    /// - Returns: what `body` threw.
    fileprivate mutating func replaceContacts(
        _ body: (Slice, Message) throws(Rejection) -> [UInt8]?
    ) -> Rejection? {
        var values: [[UInt8]] = []
        var isChanged = false
        do throws(Rejection) {
            for value in self.values(of: .contact) {
                guard copy(value) != [UInt8(ascii: "*")] else {
                    values.append(copy(value))
                    continue
                }
                guard let address = NameAddress(in: bytes.span, value) else {
                    throw Rejection(400, "Bad Request", "Contact is no address")
                }
                guard let uri = try body(address.uri, self) else {
                    values.append(copy(value))
                    continue
                }
                isChanged = true
                // With its brackets, which a URI that is written without them lacks.
                let isBracketed = address.uri.start > value.start && bytes[Int(address.uri.start) - 1] == ASCII.less
                var text = Array(bytes[Int(value.start)..<Int(address.uri.start)])
                if !isBracketed { text.append(ASCII.less) }
                text += uri
                if !isBracketed { text.append(ASCII.greater) }
                text += bytes[Int(address.uri.end)..<Int(value.end)]
                values.append(text)
            }
        } catch {
            return error
        }
        guard isChanged else { return nil }
        removeAll(.contact)
        for value in values { append(.contact, value) }
        return nil
    }
}
