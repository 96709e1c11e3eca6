import SDPText
import SIPText
import Wire

// The SDP of a message, put in its place again after a change.
extension Message {
    /// Where the SDP stands as it is: the whole body, or a part of it that is not encoded and that nobody has signed.
    private var descriptionRange: Range<Int>? {
        guard let entity = Entity(bodyOf: self) else { return nil }
        let octets = bytes.span
        if entity.matches("multipart", "signed", in: octets) { return nil }
        guard let leaves = try? Multipart.leaves(of: entity, in: octets),
            !leaves.contains(where: { $0.matches("application", "pkcs7-signature", in: octets) }),
            let leaf = leaves.first(where: { $0.matches("application", "sdp", in: octets) }), leaf.encoding == .identity
        else { return nil }
        return leaf.body.range
    }

    /// Whether the SDP may be changed: RFC 3261 section 16.6 item 3 lets nobody change a body that has its integrity protected.
    var mayChangeDescription: Bool { descriptionRange != nil }

    /// The description that stands in the clear.
    var plainDescription: SessionDescription? {
        descriptionRange.flatMap { try? SessionDescription(parsing: Array(bytes[$0])) }
    }

    /// Puts a description in the place of the one that is there.
    mutating func replaceDescription(with description: SessionDescription) {
        guard let range = descriptionRange else { return }
        let whole = body.range
        setBody(
            Array(bytes[whole.lowerBound..<range.lowerBound]) + description.bytes
                + Array(bytes[range.upperBound..<whole.upperBound]), contentType: nil)
    }
}
