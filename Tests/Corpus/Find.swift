/// Input that once broke what a fuzz target checks, under the name of what was wrong.
public struct Find: Sendable, CustomStringConvertible {
    /// The fuzz target.
    public let target: String
    /// What was wrong.
    public let name: String
    /// The input, made as small as it goes.
    public let octets: [UInt8]

    init(_ target: String, _ name: String, _ octets: [UInt8]) {
        self.target = target
        self.name = name
        self.octets = octets
    }

    public var description: String { "\(target): \(name)" }

    /// Every find so far.
    public static let all: [Find] = [
        // More rows than a message may have, nearly all of them Via: the 400 to it had one row more.
        Find(
            "message", "the answer to too many rows had too many itself",
            request([String](repeating: "Via: SIP/2.0/TCP h", count: 128).joined(separator: "\n")))
    ]
}
