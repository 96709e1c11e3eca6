/// Where in a configuration file a value stands: kept beside a value whose faults show only when it is used, such as the
/// path of a file or the address of a socket.
///
/// Any two places are equal: settings compare by what they say, not by where it is written.
public struct Place: Sendable {
    private let file: String
    private let mark: Mark?
    private let key: String

    /// The place of a value that comes from no file.
    public init() { self.init(file: "settings", mark: nil, key: "") }

    init(file: String, mark: Mark?, key: String) {
        self.file = file
        self.mark = mark
        self.key = key
    }

    /// The error of the value that stands here.
    ///
    /// - Parameters:
    ///   - problem: what is wrong, without the value itself.
    ///   - allowed: what may stand there.
    public func error(_ problem: String, allowed: String = "") -> ConfigurationError {
        ConfigurationError(file: file, mark: mark, key: key, problem: problem, allowed: allowed)
    }
}

extension Place: Hashable {
    public static func == (_: Place, _: Place) -> Bool { true }
    public func hash(into _: inout Hasher) {}
}

extension Field {
    /// Where this value stands.
    var place: Place { Place(file: file, mark: node.mark, key: key) }
}

extension Section {
    /// Where the value of a key stands; where its section begins when the file leaves it out.
    func place(of key: Key) -> Place {
        self[key]?.place
            ?? Place(file: context.file, mark: context.node.mark, key: context.key(inside: key.rawValue))
    }
}
