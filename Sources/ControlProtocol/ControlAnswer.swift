public import Wire

/// What `sekishod` says to a request: one JSON document.
public enum ControlAnswer: Hashable, Sendable {
    case status(StatusReport)
    /// - total: how many sessions there are; more than are listed when there are more than `maximumSessions`.
    /// - gateAnswered: whether the gate said of all of them what they have open.
    case sessions([SessionReport], total: UInt64, gateAnswered: Bool)
    /// One call.
    case call(CallReport)
    /// Why there is no answer.
    case refused(String)

    /// Sessions that one answer lists.
    public static let maximumSessions = 10_000

    /// The document, with a line end.
    public var json: [UInt8] {
        var writer = JSONWriter()
        switch self {
        case .status(let report):
            report.write(to: &writer)
        case .sessions(let reports, let total, let gateAnswered):
            writer.object { writer in
                writer.member("total") { $0.number(total) }
                writer.member("gate_answered") { $0.flag(gateAnswered) }
                writer.member("sessions") { writer in
                    writer.array { writer in
                        for report in reports.prefix(Self.maximumSessions) { report.write(to: &writer) }
                    }
                }
            }
        case .call(let report): report.write(to: &writer)
        case .refused(let reason):
            writer.object { writer in writer.member("error") { $0.text(Array(reason.utf8)) } }
        }
        return writer.output + [ASCII.lf]
    }

    /// Reads the answer to a request.
    ///
    /// - Throws: with the member and the octet at which the document is not what it has to be.
    public init(json document: Span<UInt8>, to request: ControlRequest) throws(ParseError) {
        let value = try JSONReader.read(document)
        if value.member("error") != nil {
            self = .refused(try value.text("error"))
            return
        }
        switch request {
        case .status:
            self = .status(try StatusReport(value))
        case .sessions:
            var reports: [SessionReport] = []
            for report in try value.array("sessions") { reports.append(try SessionReport(report)) }
            self = .sessions(
                reports, total: try value.number("total"), gateAnswered: try value.flag("gate_answered"))
        case .call: self = .call(try CallReport(value))
        }
    }
}
