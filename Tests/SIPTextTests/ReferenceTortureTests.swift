import Foundation
import SIPText
import Testing
import Wire

/// The bit-exact messages of RFC 4475, when `SEKISHO_TORTURE` names a folder that holds them as `<name>.dat`: they must
/// come to what ours come to.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["SEKISHO_TORTURE"] != nil, "SEKISHO_TORTURE is not set"))
struct ReferenceTortureTests {
    @Test(arguments: Fixture.all)
    func `the RFC's own octets come to what the table says`(fixture: Fixture) throws {
        let folder = try #require(ProcessInfo.processInfo.environment["SEKISHO_TORTURE"])
        let octets = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(fixture.name).dat")))
        #expect(outcome(of: octets) == fixture.outcome)
        let framing = Framing.stream(octets, in: [octets.count])
        if fixture.name == "dblreq" {
            // The second message has five octets more than it announces, and they begin no start line.
            #expect(framing.frames.count == 2 && framing.error?.code == .unexpectedOctet)
        } else {
            #expect(framing.matches(fixture.stream, octets))
        }
    }
}
