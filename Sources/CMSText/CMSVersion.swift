import SwiftASN1
import Wire

/// ```
/// CMSVersion ::= INTEGER { v0(0), v1(1), v2(2), v3(3), v4(4), v5(5) }
/// ```
///
/// What a message contains decides how it is read, not this number (RFC 5652 section 10.2.5): any of the six is taken
/// anywhere, and the right one is written.
struct CMSVersion: RawRepresentable, Hashable, Sendable {
    let rawValue: Int

    init(rawValue: Int) { self.rawValue = rawValue }

    static let v0 = CMSVersion(rawValue: 0)
    static let v2 = CMSVersion(rawValue: 2)
    static let v3 = CMSVersion(rawValue: 3)
    static let v4 = CMSVersion(rawValue: 4)
}

extension ComponentReader {
    /// The next component, a CMSVersion.
    mutating func version() throws(ParseError) -> CMSVersion {
        let node = try required(.integer, "CMSVersion")
        let value = try node.integer("CMSVersion")
        guard (0...5).contains(value) else { throw ParseError(.badNumber, in: "CMSVersion", at: node.offset) }
        return CMSVersion(rawValue: value)
    }
}
