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
    public static let all: [Find] = []
}
