import SDPText
import Wire

/// SDP: what is not edited is written as it came, an edit changes what it names, an answer is an answer.
enum DescriptionFuzz {
    @Sendable static func fault(_ octets: [UInt8]) -> String? {
        let description: SessionDescription
        do throws(ParseError) { description = try SessionDescription(parsing: octets) } catch {
            return error.offset >= 0 && error.offset <= octets.count ? nil : "\(error) is beyond the end"
        }
        guard description.serialized() == octets else { return "written otherwise than it came" }
        guard description.targets.count == description.media.count,
            description.media.count <= SessionDescription.Limits.media
        else { return "targets are not those of the m-lines" }
        for attribute in description.attributes + description.media.flatMap(\.attributes) {
            guard attribute.name.clamped(to: octets.indices) == attribute.name else {
                return "an attribute is outside of the description"
            }
        }
        return first({ targets(description) }, { edits(description) }, { answers(description) })
    }

    private static func targets(_ description: SessionDescription) -> String? {
        for case .transport(let rtp, let rtcp) in description.targets {
            guard rtp.port != 0, rtcp?.port != 0 else { return "a stream at port 0" }
            guard rtp.address.unmapped != .v4(0), rtp.address != .v6(0, 0) else { return "a stream at no address" }
            guard rtp.address.unmapped.scope != .multicast else { return "a stream at a multicast address" }
        }
        return nil
    }

    private static func edits(_ description: SessionDescription) -> String? {
        for index in description.media.indices {
            // A stream that is refused may lack what one that is open needs.
            let port: UInt16 = description.media[index].port == 0 ? 0 : 7
            let edits: [Edit] = [.port(index: index, port), .mediaConnection(index: index, .v4(0x0A00_0001))]
            let edited: SessionDescription
            do throws(EditError) { edited = try description.applying(edits) } catch {
                guard case .refused(.tooLong, _) = error else {
                    guard case .refused(.tooMany, _) = error else { return "an edit is refused: \(error)" }
                    continue
                }
                continue
            }
            guard edited.media.count == description.media.count, edited.media[index].port == port else {
                return "an edit is lost"
            }
            for other in description.media.indices where other != index {
                guard edited.media[other].target == description.media[other].target else {
                    return "an edit of one stream moved another"
                }
            }
        }
        return nil
    }

    private static func answers(_ offer: SessionDescription) -> String? {
        // A description answers itself stream by stream.
        guard (try? OfferAnswer(offer: offer, answer: offer)) != nil else { return "no answer to itself" }
        let builder = SDPBuilder(address: .v4(0xC000_0202), port: 5_000, sessionID: 18)
        guard let answer = builder.answer(to: offer) else { return nil }
        guard let read = try? SessionDescription(parsing: answer.bytes) else { return "our answer is not read" }
        guard (try? OfferAnswer(offer: offer, answer: read)) != nil else { return "our answer is no answer" }
        return nil
    }
}
