import Coexistence
import ControlProtocol

/// What the doctor prints: for people as it is known, or one JSON document at the end.
struct DoctorReport {
    private let facts: Facts
    private let findings: [Finding]
    private let isJSON: Bool
    private var lines: [PacketTest.Line] = []

    init(facts: Facts, findings: [Finding], isJSON: Bool) {
        self.facts = facts
        self.findings = findings
        self.isJSON = isJSON
    }

    func showFindings() {
        guard !isJSON else { return }
        let firewalls = facts.ruleset?.firewalls ?? []
        print("media path  \(facts.mediaPath.rawValue)")
        print("firewalls   " + (firewalls.isEmpty ? "none that drops anything" : ""), terminator: "")
        print(
            firewalls.map { entry in
                "\(entry.firewall.name) (\(entry.tables.map { "table \(Self.safe("\($0)"))" }.joined(separator: ", ")))"
            }.joined(separator: "; "))
        for finding in findings { show(finding) }
    }

    private func show(_ finding: Finding) {
        let style: Terminal.Style =
            switch finding.severity {
            case .problem: .red
            case .warning: .yellow
            case .notice: .cyan
            }
        print("")
        print("\(Terminal.styled(finding.severity.rawValue.uppercased(), style))  \(Self.safe(finding.place))")
        print("  \(Self.safe(finding.what))")
        if let signalling = finding.signalling { print("  SIP    \(Self.safe(signalling))") }
        if let media = finding.media { print("  media  \(Self.safe(media))") }
        guard let remedy = finding.remedy else { return }
        for command in remedy.commands { print("    \(Terminal.styled(Self.safe(command.description), .bold))") }
        if let toStay = remedy.toStay { print("  to stay: \(Self.safe(toStay))") }
    }

    mutating func show(_ line: PacketTest.Line) {
        lines.append(line)
        guard !isJSON else { return }
        if lines.count == 1 { print("\n\(Terminal.styled("Packets through a copy of the ruleset", .bold))") }
        let style: Terminal.Style? = line.isGood.map { $0 ? .green : .red }
        let result = style.map { Terminal.styled(line.result, $0) } ?? line.result
        print("  \(Self.safe(line.what)): \(result)")
    }

    func end() {
        guard isJSON else {
            let problems = findings.count { $0.severity == .problem }
            print(
                problems == 0 ? "\nno problem found" : "\n\(problems == 1 ? "1 problem" : "\(problems) problems") found"
            )
            return
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("media_path") { $0.text(Array(facts.mediaPath.rawValue.utf8)) }
            writer.member("firewalls") { writer in
                writer.array { writer in
                    for entry in facts.ruleset?.firewalls ?? [] {
                        writer.object { writer in
                            writer.member("name") { $0.text(Array(entry.firewall.name.utf8)) }
                            writer.member("tables") { Self.write(entry.tables.map(\.description), to: &$0) }
                        }
                    }
                }
            }
            writer.member("findings") { writer in
                writer.array { writer in for finding in findings { Self.write(finding, to: &writer) } }
            }
            writer.member("test") { writer in
                writer.array { writer in for line in lines { Self.write(line, to: &writer) } }
            }
        }
        Terminal.write(writer.output + [0x0A])
    }

    private static func write(_ texts: [String], to writer: inout JSONWriter) {
        writer.array { writer in for text in texts { writer.text(Array(text.utf8)) } }
    }

    private static func write(_ finding: Finding, to writer: inout JSONWriter) {
        func text(_ name: String, _ text: String?, _ writer: inout JSONWriter) {
            writer.member(name) { if let text { $0.text(Array(text.utf8)) } else { $0.null() } }
        }
        writer.object { writer in
            text("severity", finding.severity.rawValue, &writer)
            text("place", finding.place, &writer)
            text("what", finding.what, &writer)
            text("sip", finding.signalling, &writer)
            text("media", finding.media, &writer)
            writer.member("commands") { write(finding.remedy?.commands.map(\.description) ?? [], to: &$0) }
            text("to_stay", finding.remedy?.toStay, &writer)
        }
    }

    private static func write(_ line: PacketTest.Line, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("what") { $0.text(Array(line.what.utf8)) }
            writer.member("result") { $0.text(Array(line.result.utf8)) }
            writer.member("good") { if let isGood = line.isGood { $0.flag(isGood) } else { $0.null() } }
        }
    }

    /// Names in a ruleset are whatever somebody called them.
    private static func safe(_ text: String) -> String { TextSafety.printable(Array(text.utf8)) }
}
