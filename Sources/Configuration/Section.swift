/// A mapping whose keys are known: every key of the file is one of `Key`'s, and the key decides what its value means.
///
/// `Key` lists the keys in the order in which an error offers them.
struct Section<Key: RawRepresentable<String> & CaseIterable> {
    private let entries: [Node.Entry]
    let context: Field

    /// - Throws: when the value is no mapping, or at the first key that is not one of `Key`'s.
    init(_ field: Field) throws(ConfigurationError) {
        guard case .mapping(let entries) = field.node.content else {
            throw field.error(
                "not a set of keys", allowed: Self.keys)
        }
        context = field
        self.entries = entries
        for entry in entries where Key(rawValue: entry.key) == nil {
            throw ConfigurationError(
                file: field.file, mark: entry.mark,
                key: field.key(inside: String(entry.key.prefix(Self.shownKeyLength))),
                problem: "unknown key", allowed: Self.keys)
        }
    }

    /// The value of a key, or nil when the file leaves the key out.
    subscript(_ key: Key) -> Field? {
        guard let entry = entries.first(where: { $0.key == key.rawValue }) else { return nil }
        return Field(node: entry.value, key: context.key(inside: entry.key), file: context.file)
    }

    /// The value of a key that must be there.
    func required(_ key: Key) throws(ConfigurationError) -> Field {
        guard let field = self[key] else {
            throw ConfigurationError(
                file: context.file, mark: context.node.mark, key: context.key(inside: key.rawValue), problem: "missing")
        }
        return field
    }

    /// Characters of an unknown key that an error repeats; every known one is shorter.
    private static var shownKeyLength: Int { 40 }

    private static var keys: String { Key.allCases.map(\.rawValue).joined(separator: ", ") }
}
