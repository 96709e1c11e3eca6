import SDPText
import SIPText
import Wire

/// Finds the SDP that a message shows to this gateway: in the clear, or in an envelope that it is asked or able to open.
enum Disclosure {
    /// What a message's body is to this gateway.
    enum Plan {
        /// No SDP in any form.
        case none
        case plain(SessionDescription)
        /// Envelopes to try, in this order.
        case envelopes([[UInt8]])
        /// Protected, and nobody asked this gateway to look.
        case closed
        case rejected(Rejection)
    }

    /// Envelopes of one message that are tried.
    static let maximumEnvelopes = 4

    static func plan(_ message: Message, settings: ControllerSettings) -> Plan {
        guard let entity = Entity(bodyOf: message) else { return .none }
        let bytes = message.bytes.span
        let leaves: [Entity]
        do throws(ParseError) {
            leaves = try Multipart.leaves(of: entity, in: bytes)
        } catch {
            return .rejected(.badBody("MIME body", error))
        }
        let asked = requested(of: message, settings: settings)
        let protected = leaves.filter { $0.matches("application", "pkcs7-mime", in: bytes) }
        let mayTry: Bool =
            switch settings.disclosure.askedBy {
            case .header: false
            case .recipient, .either: true
            }
        let honoursHeader: Bool =
            switch settings.disclosure.askedBy {
            case .header, .either: true
            case .recipient: false
            }
        do throws(ParseError) {
            var envelopes: [[UInt8]] = []
            for contentID in honoursHeader ? asked : [] {
                for leaf in protected where ASCII.equal(bytes.octets(leaf.contentID), bytes.octets(contentID)) {
                    envelopes.append(try leaf.content(in: bytes))
                }
            }
            if envelopes.isEmpty {
                for leaf in leaves where leaf.matches("application", "sdp", in: bytes) {
                    return .plain(try SessionDescription(parsing: try leaf.content(in: bytes)))
                }
                if mayTry {
                    for leaf in protected { envelopes.append(try leaf.content(in: bytes)) }
                }
            }
            guard envelopes.isEmpty else { return .envelopes(Array(envelopes.prefix(maximumEnvelopes))) }
            return protected.isEmpty ? .none : .closed
        } catch {
            return .rejected(.badBody("body", error))
        }
    }

    /// The Content-IDs that disclosure headers ask this gateway to read, in their order.
    private static func requested(of message: Message, settings: ControllerSettings) -> [Slice] {
        var contentIDs: [Slice] = []
        for request in DisclosureRequest.all(in: message) where settings.isNamed(message.octets(request.host)) {
            contentIDs.append(contentsOf: request.contentIDs)
        }
        return contentIDs
    }

    /// The SDP inside an envelope; nil when there is something else.
    ///
    /// A fault in here is a fault that only a key holder can see: it is answered like every other, by the caller.
    static func description(in plaintext: [UInt8]) throws(ParseError) -> SessionDescription? {
        let bytes = plaintext.span
        let entity = try Entity(parsing: bytes, Slice(0..<plaintext.count))
        for leaf in try Multipart.leaves(of: entity, in: bytes) where leaf.matches("application", "sdp", in: bytes) {
            return try SessionDescription(parsing: try leaf.content(in: bytes))
        }
        return nil
    }
}

extension ControllerSettings {
    /// Whether a disclosure header's host is this gateway: one of its names, in any letter case, or its address.
    func isNamed(_ host: Span<UInt8>) -> Bool {
        if isName(host) { return true }
        guard let address = IPAddress(text: host) else { return false }
        return listeners.contains { $0.endpoint.address == address }
    }
}
