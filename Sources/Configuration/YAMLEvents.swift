import CYAML

/// libyaml's event parser over octets in memory, with what it allocates owned and freed here.
struct YAMLEvents: ~Copyable {
    /// What the tree is built from; the events that a configuration file may not contain are errors already.
    enum Event {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case scalar(String)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let file: String

    init(_ octets: [UInt8], of file: String) throws(ConfigurationError) {
        self.file = file
        // A byte order mark is no part of the text; libyaml would count it as a column of the first line.
        let text = octets.dropFirst(octets.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
        // libyaml keeps a pointer to its input and does not copy it.
        input = .allocate(capacity: text.count)
        _ = input.initialize(from: text)
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            input.deallocate()
            throw ConfigurationError(file: file, problem: "no memory to read it")
        }
        // Without this the first octets could choose UTF-16.
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input.baseAddress, input.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// The next event and the place where it starts.
    mutating func next() throws(ConfigurationError) -> (event: Event, mark: Mark) {
        var raw = yaml_event_t()
        guard yaml_parser_parse(parser, &raw) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&raw) }
        let mark = Mark(raw.start_mark)
        return (try event(raw, at: mark), mark)
    }

    private func event(_ raw: yaml_event_t, at mark: Mark) throws(ConfigurationError) -> Event {
        switch raw.type {
        case YAML_STREAM_START_EVENT:
            return .streamStart
        case YAML_STREAM_END_EVENT:
            return .streamEnd
        case YAML_DOCUMENT_START_EVENT:
            let start = raw.data.document_start
            guard start.version_directive == nil, start.tag_directives.start == start.tag_directives.end else {
                throw refuse("directives are not allowed", at: mark)
            }
            return .documentStart
        case YAML_DOCUMENT_END_EVENT:
            return .documentEnd
        case YAML_ALIAS_EVENT:
            throw refuse("aliases are not allowed", at: mark)
        case YAML_SCALAR_EVENT:
            let scalar = raw.data.scalar
            try refuseProperties(anchor: scalar.anchor, tag: scalar.tag, at: mark)
            let octets = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            guard octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw refuse("a value with a line end or another control character", at: mark)
            }
            return .scalar(String(decoding: octets, as: UTF8.self))
        case YAML_SEQUENCE_START_EVENT:
            let start = raw.data.sequence_start
            try refuseProperties(anchor: start.anchor, tag: start.tag, at: mark)
            return .sequenceStart
        case YAML_SEQUENCE_END_EVENT:
            return .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            let start = raw.data.mapping_start
            try refuseProperties(anchor: start.anchor, tag: start.tag, at: mark)
            return .mappingStart
        case YAML_MAPPING_END_EVENT:
            return .mappingEnd
        // A C enumeration is open: libyaml has no other event, the compiler cannot know it.
        default:
            throw refuse("not understood", at: mark)
        }
    }

    private func refuseProperties(
        anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?, at mark: Mark
    ) throws(ConfigurationError) {
        if anchor != nil { throw refuse("anchors are not allowed", at: mark) }
        if tag != nil { throw refuse("tags are not allowed", at: mark) }
    }

    private func refuse(_ problem: String, at mark: Mark) -> ConfigurationError {
        ConfigurationError(file: file, mark: mark, problem: problem)
    }

    /// libyaml's own words for what is wrong: constants of the library, nothing from the file.
    private func syntaxError() -> ConfigurationError {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
        // The reader, which checks the encoding before anything is scanned, knows an octet and no line.
        if parser.pointee.error == YAML_READER_ERROR {
            return refuse(problem, at: Self.mark(of: parser.pointee.problem_offset, in: input))
        }
        return refuse(problem, at: Mark(parser.pointee.problem_mark))
    }

    private static func mark(of offset: Int, in input: UnsafeMutableBufferPointer<UInt8>) -> Mark {
        var line = 1
        var column = 1
        for octet in input.prefix(offset) {
            if octet == 0x0A {
                line += 1
                column = 1
            } else if octet & 0xC0 != 0x80 {
                // A continuation octet of UTF-8 starts no character.
                column += 1
            }
        }
        return Mark(line: line, column: column)
    }
}

extension Mark {
    /// libyaml counts from 0.
    fileprivate init(_ mark: yaml_mark_t) {
        self.init(line: mark.line + 1, column: mark.column + 1)
    }
}
