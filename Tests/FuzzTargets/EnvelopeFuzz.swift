import CMSText
import Wire

/// CMS structures: what can be written is read again as the same.
enum EnvelopeFuzz {
    @Sendable static func fault(_ octets: [UInt8]) -> String? {
        let content: ProtectedContent
        do throws(ParseError) { content = try ProtectedContent(der: octets) } catch {
            return error.offset >= 0 && error.offset <= octets.count ? nil : "\(error) is beyond the end"
        }
        // What is only recognised is not written, and what is written may grow over the limit.
        guard let written = try? content.der() else { return nil }
        guard let again = try? ProtectedContent(der: written) else { return "what is written is not read" }
        return (try? again.der()) == written ? nil : "what is read again is written otherwise"
    }
}
