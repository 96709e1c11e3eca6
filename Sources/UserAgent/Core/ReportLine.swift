import SIPText
import SIPTransactions
import Wire

extension Report {
    /// The report as one line of JSON without its line end, for tests and other programs.
    ///
    /// - Parameter milliseconds: since the device was started.
    public func line(at milliseconds: Int) -> String {
        var line = JSONLine(event: name)
        if let call { line.add("call", call.value) }
        switch self {
        case .listening(let listener):
            line.add("transport", "\(listener.transport)")
            line.add("address", "\(listener.endpoint)")
        case .began(_, let role, let callID):
            line.add("role", role.rawValue)
            line.add("call_id", callID)
        case .body(_, let body): body.add(to: &line)
        case .progress(_, let status): line.add("status", Int(status))
        case .retrying(_, let host): line.add("host", host)
        case .established, .renegotiated: break
        case .packets(_, let packets):
            line.add("direction", packets.way.rawValue)
            line.add("phase", packets.phase.rawValue)
            line.add("count", packets.count)
            if let first = packets.first { line.add("first", Int(first)) }
            if let last = packets.last { line.add("last", Int(last)) }
            line.add("last_after_ms", packets.lastAfterMilliseconds)
        case .stream(_, let stream):
            line.add("lost", stream.lost)
            line.add("duplicates", stream.duplicates)
            line.add("out_of_order", stream.outOfOrder)
            line.add("foreign", stream.foreign)
            line.add("from_elsewhere", stream.fromElsewhere)
            if let first = stream.firstAfterMilliseconds { line.add("first_after_ms", first) }
        case .ended(_, let ending):
            line.add("by", ending.by.rawValue)
            line.add("status", Int(ending.status))
            if !ending.why.isEmpty { line.add("why", ending.why) }
        }
        line.add("at_ms", milliseconds)
        return line.text
    }

    private var name: String {
        switch self {
        case .listening: "listening"
        case .began: "began"
        case .body: "body"
        case .progress: "progress"
        case .retrying: "retrying"
        case .established: "established"
        case .renegotiated: "renegotiated"
        case .packets(_, let packets): packets.kind.rawValue
        case .stream: "stream"
        case .ended: "ended"
        }
    }
}

extension BodyReport {
    fileprivate func add(to line: inout JSONLine) {
        line.add("direction", way.rawValue)
        line.add("in", carrier.description)
        line.add("form", form.kind.rawValue)
        if let cipher = form.cipher { line.add("cipher", cipher) }
        if key != .none { line.add("key", key.rawValue) }
        if let reference {
            var text: [UInt8] = []
            text.appendHexadecimal(reference)
            line.add("reference", String(decoding: text, as: UTF8.self))
        }
        line.add("octets", octets)
    }
}

extension BodyReport.Carrier: CustomStringConvertible {
    /// The method, or the status code.
    public var description: String {
        switch self {
        case .request(let method): "\(method.name)"
        case .response(let status): "\(status)"
        }
    }
}

/// One flat JSON object (RFC 8259).
private struct JSONLine {
    private(set) var text: String

    init(event: String) { text = "{\"event\":\"\(event)\"}" }

    mutating func add(_ key: StaticString, _ value: Int) { append("\"\(key)\":\(value)") }

    mutating func add(_ key: StaticString, _ value: String) {
        var quoted = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        append("\"\(key)\":\"\(quoted)\"")
    }

    private mutating func append(_ member: String) {
        text.removeLast()
        text += ",\(member)}"
    }
}
