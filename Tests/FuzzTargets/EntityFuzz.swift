import SIPText
import Wire

/// A MIME entity with its headers: parts lie in it, one behind the other and no more than may be.
enum EntityFuzz {
    @Sendable static func fault(_ octets: [UInt8]) -> String? {
        let placed = Placed(octets, before: Array("\r\n--b--\r\n".utf8))
        let bytes = placed.bytes.span
        let entity: Entity
        do throws(ParseError) { entity = try Entity(parsing: bytes, placed.slice) } catch {
            return error.offset >= 0 && error.offset <= octets.count ? nil : "\(error) is beyond the end"
        }
        if let fault = outside([entity.body, entity.contentID], within: placed.slice.range, "entity") { return fault }
        return leaves(of: entity, in: placed.bytes)
    }

    static func leaves(of entity: Entity, in octets: [UInt8]) -> String? {
        let bytes = octets.span
        let leaves: [Entity]
        do throws(ParseError) { leaves = try Multipart.leaves(of: entity, in: bytes) } catch {
            return error.offset >= 0 && error.offset <= octets.count ? nil : "\(error) is beyond the end"
        }
        guard leaves.count <= MessageLimits.mimeParts else { return "too many parts" }
        var end = entity.body.range.lowerBound
        for leaf in leaves {
            if let fault = outside([leaf.body], within: entity.body.range, "part") { return fault }
            guard leaf.body.range.lowerBound >= end else { return "parts overlap" }
            end = leaf.body.range.upperBound
            guard let content = try? leaf.content(in: bytes) else { continue }
            switch leaf.encoding {
            case .identity: if content != Array(octets[leaf.body.range]) { return "a part's content is another" }
            case .base64: if content.count > leaf.body.count { return "base64 grew" }
            case .other: return "an unknown encoding was taken off"
            }
        }
        return nil
    }
}
