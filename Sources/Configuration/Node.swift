/// One value of a configuration file and where it stands.
struct Node: Hashable, Sendable {
    /// What YAML tells about a value. Its type is not among it: that is the key's to decide.
    enum Content: Hashable, Sendable {
        /// Text, quoted or not.
        case scalar(String)
        /// `[a, b]` or a list of lines that start with a hyphen.
        case sequence([Node])
        /// `{ key: value }` or lines of `key: value`, in the order of the file and without duplicates.
        case mapping([Entry])
    }

    /// One `key: value` of a mapping.
    struct Entry: Hashable, Sendable {
        let key: String
        /// Where the key stands.
        let mark: Mark
        let value: Node
    }

    let content: Content
    let mark: Mark

    init(_ content: Content, at mark: Mark) {
        self.content = content
        self.mark = mark
    }
}
