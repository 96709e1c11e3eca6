/// A value together with the key it belongs to: what an error needs to say which value is wrong.
struct Field {
    let node: Node
    /// The key with those around it, such as `limits.sessions`; empty for the file's outermost mapping.
    let key: String
    let file: String

    /// Items in one list. The longest list of a real site is its routes, one per neighbouring domain.
    static let maximumItems = 1024

    /// A key inside this value, with those around it.
    func key(inside name: String) -> String {
        let name = ConfigurationError.printable(name)
        return key.isEmpty ? name : "\(key).\(name)"
    }

    func error(_ problem: String, allowed: String = "") -> ConfigurationError {
        ConfigurationError(file: file, mark: node.mark, key: key, problem: problem, allowed: allowed)
    }

    /// The text of a value.
    ///
    /// - Parameter allowed: what the error offers instead of a list, a mapping or nothing.
    func text(_ allowed: String) throws(ConfigurationError) -> String {
        guard case .scalar(let text) = node.content else { throw error("not a single value", allowed: allowed) }
        guard !text.isEmpty else { throw error("no value", allowed: allowed) }
        return text
    }

    /// `true` or `false`; YAML's other words for them are refused.
    func flag() throws(ConfigurationError) -> Bool {
        switch try text("true, false") {
        case "true": return true
        case "false": return false
        case _: throw error("neither true nor false", allowed: "true, false")
        }
    }

    /// A whole number written in decimal digits and nothing else.
    func number(_ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        let allowed = "\(range.lowerBound) to \(range.upperBound)"
        let digits = try text(allowed)
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw error("not a whole number", allowed: allowed)
        }
        // More digits than an Int holds are out of every range.
        guard let value = Int(digits), range.contains(value) else { throw error("out of range", allowed: allowed) }
        return value
    }

    /// A number of 32 bits of which one is set, in hexadecimal as marks are written.
    func bit() throws(ConfigurationError) -> UInt32 {
        let allowed = "one bit, 0x1 to 0x80000000"
        let text = try text(allowed)
        guard text.hasPrefix("0x"), text.utf8.count <= 10, !text.utf8.dropFirst(2).contains(0x2B),
            let value = UInt32(text.dropFirst(2), radix: 16)
        else { throw error("not a number of the form 0x40000000", allowed: allowed) }
        guard value.nonzeroBitCount == 1 else { throw error("not one bit", allowed: allowed) }
        return value
    }

    /// One of a fixed set of words.
    func word<Word: RawRepresentable<String> & CaseIterable>(
        _: Word.Type = Word.self
    ) throws(ConfigurationError) -> Word {
        let allowed = Word.allCases.map(\.rawValue).joined(separator: ", ")
        guard let word = Word(rawValue: try text(allowed)) else { throw error("unknown word", allowed: allowed) }
        return word
    }

    /// The items of a list, each with its number in its key.
    ///
    /// - Parameter allowed: what one item may be.
    func items(_ allowed: String, atLeast minimum: Int = 0) throws(ConfigurationError) -> [Field] {
        guard case .sequence(let nodes) = node.content else {
            throw error("not a list", allowed: "a list of \(allowed)")
        }
        guard nodes.count <= Self.maximumItems else {
            throw error("too many items", allowed: "\(minimum) to \(Self.maximumItems)")
        }
        guard nodes.count >= minimum else { throw error("too few items", allowed: "at least \(minimum)") }
        return nodes.enumerated().map { Field(node: $1, key: "\(key)[\($0)]", file: file) }
    }

    /// The items of a list, read one by one; an item that was there before is an error.
    func list<Item: Hashable>(
        of allowed: String, atLeast minimum: Int = 0, _ read: (Field) throws(ConfigurationError) -> Item
    ) throws(ConfigurationError) -> [Item] {
        var list: [Item] = []
        var seen: Set<Item> = []
        for field in try items(allowed, atLeast: minimum) {
            let item = try read(field)
            guard seen.insert(item).inserted else { throw field.error("given twice") }
            list.append(item)
        }
        return list
    }
}
