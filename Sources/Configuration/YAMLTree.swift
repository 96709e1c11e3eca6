/// Reads one YAML document into nodes that know their place.
///
/// Left out of YAML on purpose: aliases (one page can ask for gigabytes), anchors, tags (the key decides the type),
/// directives, more than one document, keys that are not text, and duplicate keys.
struct YAMLTree: ~Copyable {
    /// Mappings and sequences inside one another. The settings need 4; the rest is room for mistakes that deserve a
    /// better message than this limit's.
    static let maximumDepth = 16

    private var events: YAMLEvents
    private let file: String

    /// - Parameters:
    ///   - octets: the whole file, UTF-8.
    ///   - file: its name, for the error.
    static func read(_ octets: [UInt8], of file: String) throws(ConfigurationError) -> Node {
        var tree = YAMLTree(events: try YAMLEvents(octets, of: file), file: file)
        return try tree.document()
    }

    private init(events: consuming YAMLEvents, file: String) {
        self.events = events
        self.file = file
    }

    private mutating func document() throws(ConfigurationError) -> Node {
        var root: Node?
        while true {
            let (event, mark) = try events.next()
            switch event {
            case .streamStart, .documentEnd:
                continue
            case .documentStart:
                guard root == nil else { throw refuse("a second document is not allowed", at: mark) }
                let (first, mark) = try events.next()
                root = try node(first, at: mark, depth: 0)
            case .streamEnd:
                guard let root else { throw ConfigurationError(file: file, problem: "the file is empty") }
                return root
            case .scalar, .sequenceStart, .sequenceEnd, .mappingStart, .mappingEnd:
                throw refuse("not understood", at: mark)
            }
        }
    }

    private mutating func node(_ event: YAMLEvents.Event, at mark: Mark, depth: Int) throws(ConfigurationError) -> Node
    {
        switch event {
        case .scalar(let text):
            return Node(.scalar(text), at: mark)
        case .sequenceStart:
            return try sequence(at: mark, depth: depth + 1)
        case .mappingStart:
            return try mapping(at: mark, depth: depth + 1)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            throw refuse("not understood", at: mark)
        }
    }

    private mutating func sequence(at start: Mark, depth: Int) throws(ConfigurationError) -> Node {
        guard depth <= Self.maximumDepth else { throw tooDeep(at: start) }
        var items: [Node] = []
        while true {
            let (event, mark) = try events.next()
            if case .sequenceEnd = event { return Node(.sequence(items), at: start) }
            items.append(try node(event, at: mark, depth: depth))
        }
    }

    private mutating func mapping(at start: Mark, depth: Int) throws(ConfigurationError) -> Node {
        guard depth <= Self.maximumDepth else { throw tooDeep(at: start) }
        var entries: [Node.Entry] = []
        var lines: [String: Int] = [:]
        while true {
            let (event, mark) = try events.next()
            if case .mappingEnd = event { return Node(.mapping(entries), at: start) }
            guard case .scalar(let key) = event else { throw refuse("a key that is not text", at: mark) }
            if let line = lines.updateValue(mark.line, forKey: key) {
                throw ConfigurationError(
                    file: file, mark: mark, key: ConfigurationError.printable(key),
                    problem: "given twice, first in line \(line)")
            }
            let (first, place) = try events.next()
            entries.append(Node.Entry(key: key, mark: mark, value: try node(first, at: place, depth: depth)))
        }
    }

    private func tooDeep(at mark: Mark) -> ConfigurationError {
        refuse("nested more than \(Self.maximumDepth) deep", at: mark)
    }

    private func refuse(_ problem: String, at mark: Mark) -> ConfigurationError {
        ConfigurationError(file: file, mark: mark, problem: problem)
    }
}
