/// Writes DNS messages, also wrong ones.
struct MessageBuilder {
    var octets: [UInt8]

    /// A header with these counts, `flags` as RFC 1035 section 4.1.1 has them.
    init(flags: UInt16 = 0x8180, questions: UInt16 = 1, answers: UInt16 = 0, authorities: UInt16 = 0) {
        octets = [0x12, 0x34]
        for number in [flags, questions, answers, authorities, 0] { add(number) }
    }

    mutating func add(_ number: UInt16) { octets += [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)] }

    mutating func add(long number: UInt32) {
        add(UInt16(number >> 16))
        add(UInt16(truncatingIfNeeded: number))
    }

    /// A name label by label, without compression.
    mutating func add(name: String) {
        for label in name.split(separator: ".") { add(string: String(label)) }
        octets.append(0)
    }

    mutating func add(string: String) { octets += [UInt8(string.utf8.count)] + Array(string.utf8) }

    mutating func add(pointer: Int) { add(UInt16(0xC000) | UInt16(pointer)) }

    /// The question; it begins at octet 12.
    mutating func question(_ name: String, _ type: UInt16, class kind: UInt16 = 1) {
        add(name: name)
        add(type)
        add(kind)
    }

    /// A record; its data's length is counted unless it is given.
    mutating func record(
        _ owner: (inout MessageBuilder) -> Void, _ type: UInt16, ttl: UInt32 = 300, class kind: UInt16 = 1,
        length: UInt16? = nil, _ data: (inout MessageBuilder) -> Void
    ) {
        owner(&self)
        add(type)
        add(kind)
        add(long: ttl)
        let place = octets.count
        add(0)
        data(&self)
        let count = length ?? UInt16(truncatingIfNeeded: octets.count - place - 2)
        octets[place] = UInt8(count >> 8)
        octets[place + 1] = UInt8(truncatingIfNeeded: count)
    }

    /// A record of the question's name.
    mutating func record(
        _ type: UInt16, ttl: UInt32 = 300, class kind: UInt16 = 1, length: UInt16? = nil,
        _ data: (inout MessageBuilder) -> Void
    ) {
        record({ $0.add(pointer: 12) }, type, ttl: ttl, class: kind, length: length, data)
    }

    mutating func srv(_ priority: UInt16, _ weight: UInt16, _ port: UInt16, _ target: String, ttl: UInt32 = 300) {
        record(33, ttl: ttl) {
            for number in [priority, weight, port] { $0.add(number) }
            $0.add(name: target)
        }
    }

    mutating func soa(ttl: UInt32, minimum: UInt32) {
        record(6, ttl: ttl) {
            $0.add(name: "ns.example")
            $0.add(name: "root.example")
            for number in [1, 3_600, 600, 86_400, minimum] { $0.add(long: number) }
        }
    }
}
