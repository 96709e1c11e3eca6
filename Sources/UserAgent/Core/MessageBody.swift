import SDPText
import SIPText
import Wire

/// What stands in the body of a message, as far as a telephone is concerned.
enum MessageBody: Sendable {
    case none
    case description(SessionDescription)
    /// CMS bodies in DER, in the order in which they are to be tried.
    case envelopes([[UInt8]])
    /// Nothing that a telephone reads.
    case unsupported
    case malformed(ParseError)

    /// Envelopes of one message that are tried.
    static let maximumEnvelopes = 4

    init(of message: Message) {
        guard let entity = Entity(bodyOf: message) else {
            self = .none
            return
        }
        guard message.value(of: .contentEncoding) == nil else {
            self = .unsupported
            return
        }
        self.init(entity, in: message.bytes)
    }

    /// The inside of an envelope: a MIME entity.
    init(plaintext: [UInt8]) {
        do throws(ParseError) {
            self.init(try Entity(parsing: plaintext.span, Slice(0..<plaintext.count)), in: plaintext)
        } catch {
            self = .malformed(error)
        }
    }

    private init(_ entity: Entity, in octets: [UInt8]) {
        let bytes = octets.span
        do throws(ParseError) {
            let leaves = try Multipart.leaves(of: entity, in: bytes)
            var envelopes: [[UInt8]] = []
            for leaf in leaves {
                if leaf.matches("application", "sdp", in: bytes) {
                    self = .description(try SessionDescription(parsing: try leaf.content(in: bytes)))
                    return
                }
                if leaf.matches("application", "pkcs7-mime", in: bytes), envelopes.count < Self.maximumEnvelopes {
                    envelopes.append(try leaf.content(in: bytes))
                }
            }
            self = envelopes.isEmpty ? .unsupported : .envelopes(envelopes)
        } catch {
            self = .malformed(error)
        }
    }

    /// What is sealed: a session description with the headers of its own.
    static func entity(_ description: [UInt8]) -> [UInt8] {
        Array("Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\n".utf8) + description
    }
}

/// A body that is ready to be sent.
struct OutgoingBody: Equatable, Sendable {
    var content: [UInt8]
    var form: BodyForm
    var origin: KeyOrigin
    var reference: [UInt8]?

    /// Puts it into a message (RFC 8551 section 3.2.1, RFC 3261 section 23.3).
    ///
    /// - Parameters:
    ///   - contentID: what disclosure rows name it by; only a protected body has one.
    ///   - hosts: the servers that are asked to read it.
    func attach(to message: inout Message, contentID: [UInt8], hosts: [[UInt8]]) {
        guard form.kind != .plain else {
            message.setBody(content, contentType: Array("application/sdp".utf8))
            return
        }
        var type: [UInt8] = Array("application/pkcs7-mime".utf8)
        switch form.kind {
        case .enveloped: type.append(literal: ";smime-type=enveloped-data")
        case .authEnveloped: type.append(literal: ";smime-type=authEnveloped-data")
        case .encrypted, .plain: break  // EncryptedData has no smime-type.
        }
        type.append(literal: ";name=smime.p7m")
        message.append(.contentDisposition, Array("attachment;filename=smime.p7m;handling=required".utf8))
        message.append(.contentTransferEncoding, Array("binary".utf8))
        message.append(.contentID, [ASCII.less] + contentID + [ASCII.greater])
        for host in hosts {
            message.append(.proxyInspectBody, DisclosureRequest.value(host: host, contentID: contentID))
        }
        message.setBody(content, contentType: type)
    }
}
