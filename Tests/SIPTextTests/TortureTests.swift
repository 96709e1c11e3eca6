import Corpus
import Foundation
import SIPText
import Testing
import Wire

/// Where a case's octets come from.
enum Octets: CustomStringConvertible {
    /// From our fixture.
    case ours
    /// From a folder with the RFC's bit-exact messages as `<name>.dat`.
    case folder(String)

    /// Ours, and those of the folder that `SEKISHO_TORTURE` names.
    static var available: [Octets] {
        [.ours] + [ProcessInfo.processInfo.environment["SEKISHO_TORTURE"]].compactMap { $0.map(Octets.folder) }
    }

    var description: String {
        switch self {
        case .ours: "ours"
        case .folder(let path): path
        }
    }

    func octets(of fixture: Fixture) throws -> [UInt8] {
        switch self {
        case .ours: fixture.octets
        case .folder(let path): [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(fixture.name).dat")))
        }
    }
}

@Suite struct TortureTests {
    @Test func `all 49 cases of RFC 4475 and all 12 of RFC 5118 are here, each once`() {
        #expect(Fixture.rfc4475.count == 49)
        #expect(Fixture.rfc5118.count == 12)
        #expect(Set(Fixture.all.map(\.name)).count == 61)
    }

    @Test(arguments: Fixture.all)
    func `a datagram comes to what the table says`(fixture: Fixture) {
        #expect(outcome(of: fixture.octets) == fixture.outcome)
    }

    @Test(arguments: Fixture.rfc4475, Octets.available)
    func `the RFC's own octets come to what the table says`(fixture: Fixture, source: Octets) throws {
        #expect(outcome(of: try source.octets(of: fixture)) == fixture.outcome)
    }

    @Test func `white space, folds and compact names of wsinv come to the plain values`() throws {
        let wsinv = try #require(Fixture.all.first { $0.name == "wsinv" })
        let invite = try #require(parsed(wsinv.octets))
        #expect(invite.cseq.number == 9)
        #expect(invite.number(of: .maxForwards, upTo: 255) == 68)
        #expect(invite.tag(of: .to).map(invite.text) == "1918181833n")
        #expect(invite.tag(of: .from).map(invite.text) == "98asjd8")
        let vias = try invite.values(of: .via).map { try Via(in: invite.bytes.span, $0) }
        #expect(vias.map { invite.text($0.host) } == ["192.0.2.2", "spindle.example.com", "192.168.255.111"])
        #expect(vias.map(\.transport) == [.udp, .tcp, .udp])
        #expect(
            vias.map { invite.text($0.branch(in: invite.bytes.span)) } == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"])
        let contact = try #require(invite.address(of: .contact))
        #expect(contact.parameters.value(of: "q", in: invite.bytes.span).map(invite.text) == "0.33")
        #expect(invite.text(invite.body) == String(decoding: Fixture.sdp, as: UTF8.self))
        #expect(invite.value(of: .subject)?.isEmpty == true)
    }

    @Test func `the user part of semiuri keeps its semicolon, the one of escnull its NUL`() throws {
        let options = try #require(Fixture.all.first { $0.name == "semiuri" }.flatMap { parsed($0.octets) })
        let uri = try URI(in: options.bytes.span, try #require(options.requestURI))
        #expect(options.text(uri.user) == "user;par=u%40example.net")
        #expect(options.text(uri.host) == "example.com")
        #expect(uri.parameters == .none || uri.parameters.slice.isEmpty)
        let register = try #require(Fixture.all.first { $0.name == "escnull" }.flatMap { parsed($0.octets) })
        let to = try #require(register.address(of: .to))
        #expect(register.text(try URI(in: register.bytes.span, to.uri).user) == "null-%00-null")
    }

    @Test func `the parameter of cparam01 is Contact's, that of cparam02 the URI's`() throws {
        for (name, isHeaders) in [("cparam01", true), ("cparam02", false)] {
            let register = try #require(Fixture.all.first { $0.name == name }.flatMap { parsed($0.octets) })
            let contact = try #require(register.address(of: .contact))
            let uri = try URI(in: register.bytes.span, contact.uri)
            #expect(contact.parameters.contains("unknownparam", in: register.bytes.span) == isHeaders)
            #expect(uri.parameters.contains("unknownparam", in: register.bytes.span) != isHeaders)
        }
    }

    @Test func `the Contact of regbadct is no address, that of regescrt is one with headers`() throws {
        let bad = try #require(Fixture.all.first { $0.name == "regbadct" }.flatMap { parsed($0.octets) })
        #expect(bad.address(of: .contact) == nil)
        let good = try #require(Fixture.all.first { $0.name == "regescrt" }.flatMap { parsed($0.octets) })
        let uri = try URI(in: good.bytes.span, try #require(good.address(of: .contact)).uri)
        #expect(good.text(uri.headers) == "?Route=%3Csip:sip.example.com%3E")
    }

    @Test(arguments: Fixture.all)
    func `an answer to what can be answered is itself a good message`(fixture: Fixture) throws {
        guard case .malformed(_, let answerable?) = MessageParser.parse(fixture.octets) else { return }
        let answer = Message(status: 400, reason: "Bad Request", to: answerable, tag: Array("t".utf8))
        for name in [HeaderName.from, .to, .callID, .cseq] {
            // What the request lacks its answer lacks, too.
            #expect(answer.fields.count { $0.name == name } == min(1, answerable.fields.count { $0.name == name }))
        }
        // These cannot be answered in a well-formed way: the field at fault goes back as it came.
        if ["insuf", "quotbal", "badinv01", "scalar02", "badaspec", "baddn", "badvers"].contains(fixture.name) {
            return
        }
        #expect(outcome(of: answer.serialized(), requiresLength: true) == .message)
    }
}
