/// Why a configuration file was refused, as the one line an operator gets to see.
///
/// The line names the file, the place, the key and what would be allowed. It never repeats a value from the file, but for
/// a port and a socket's directory: the place says where to look, and a secret pasted under the wrong key stays out of
/// logs.
public struct ConfigurationError: Error, Hashable, Sendable {
    /// The file as it was named on the command line.
    public let file: String
    /// Where in the file; nil when the file as a whole is at fault.
    public let mark: Mark?
    /// The path of the key, such as `listen[0].port`; empty when no key is at fault.
    public let key: String
    /// What is wrong.
    public let problem: String
    /// What may stand there; empty when the problem says it all.
    public let allowed: String

    /// What is wrong and where; without mark and key the file as a whole is at fault.
    public init(file: String, mark: Mark? = nil, key: String = "", problem: String, allowed: String = "") {
        self.file = file
        self.mark = mark
        self.key = key
        self.problem = problem
        self.allowed = allowed
    }
}

extension ConfigurationError: CustomStringConvertible {
    /// `FILE:LINE:COLUMN: KEY: what is wrong; allowed: ...`, without the parts that are not known.
    public var description: String {
        var text = Self.printable(file)
        if let mark { text += ":\(mark.line):\(mark.column)" }
        if !key.isEmpty { text += ": \(key)" }
        text += ": \(problem)"
        if !allowed.isEmpty { text += "; allowed: \(allowed)" }
        return text
    }

    /// The text with everything but printable ASCII shown as `?`, so that it stays one line on every terminal.
    static func printable(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self)
    }
}
