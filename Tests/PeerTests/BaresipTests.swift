import Lab
import Testing

/// baresip calls baresip through the gateway: hold, resume, and both ends hang up.
@Suite(.serialized) struct BaresipTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let line: Line
        let encryption: BaresipSettings.MediaEncryption

        var testDescription: String { "\(line.testDescription), \(encryption == .srtp ? "SRTP" : "RTP")" }

        static let all = Line.all.flatMap { [Case(line: $0, encryption: .none), Case(line: $0, encryption: .srtp)] }
    }

    @Test(arguments: Case.all) func `baresip calls baresip, holds, resumes, and both hang up`(row: Case) throws {
        let bed = try PeerBed("bs-\(row.line.name)", row.line)
        var alice = try bed.phone(
            "alice", domain: "a.example.net", at: bed.inside, proxy: bed.near, mediaPort: 4000)
        var bob = try bed.phone("bob", domain: "b.example.net", at: bed.outside, proxy: bed.far, mediaPort: 5000)
        alice.mediaEncryption = row.encryption
        bob.mediaEncryption = row.encryption
        let callee = try Baresip("bob", bob, in: bed.testbed.outside, directory: bed.directory)
        let caller = try Baresip("alice", alice, in: bed.testbed.inside, directory: bed.directory)

        _ = try bed.connect(caller, to: "sip:bob@b.example.net", at: callee)
        if row.encryption == .srtp {
            for phone in [caller, callee] {
                let text = phone.child.text
                try #require(
                    text.contains("SRTP is Enabled") && text.contains("RTP/SAVP"), "\(bed.story(phone.child))")
            }
        }
        let (held, holes, after) = try bed.holdAndResume(caller)
        try bed.hangUp(caller, other: callee)
        let second = try bed.connect(caller, to: "sip:bob@b.example.net", at: callee)
        try bed.hangUp(callee, other: caller)
        print(
            "proved: baresip to baresip, \(row.testDescription): RTP \(after.outward) out, \(after.inward) in;",
            "on hold \(holes) holes stay, \(held.outward) out, \(held.inward) in; resumed; caller hangs up; again \(second.outward) out,",
            "\(second.inward) in; callee hangs up; 0 elements after each")
    }
}
