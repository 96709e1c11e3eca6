import SIPText
import Testing

@testable import SIPTransactions

/// Which messages belong to one transaction (RFC 3261 sections 17.1.3 and 17.2.3).
@Suite struct TransactionKeyTests {
    static let invite = Sample.request("INVITE")

    @Test(arguments: [
        ("the same again", Sample.request("INVITE"), true),
        ("its ACK", Sample.request("ACK", toTag: "b1"), true),
        ("another Request-URI", Sample.request("INVITE", uri: "sip:carol@example.net"), true),
        ("another method", Sample.request("OPTIONS"), false),
        ("its CANCEL", Sample.request("CANCEL"), false),
        ("another branch", Sample.request("INVITE", branch: "z9hG4bKtwo"), false),
        ("a longer branch", Sample.request("INVITE", branch: "z9hG4bKone1"), false),
        ("the branch in another case", Sample.request("INVITE", branch: "z9hG4bKONE"), false),
        ("another host", Sample.request("INVITE", sentBy: "10.0.0.2:5060"), false),
        ("another port", Sample.request("INVITE", sentBy: "10.0.0.1:5061"), false),
        ("the default port left out", Sample.request("INVITE", sentBy: "10.0.0.1"), false),
        ("no cookie", Sample.request("INVITE", branch: "one"), false),
    ])
    func `requests are matched by branch, sent-by and method`(what: String, request: Message, matches: Bool) {
        #expect((TransactionKey(server: request) == TransactionKey(server: Self.invite)) == matches, "\(what)")
    }

    @Test func `host names are compared without regard to case`() {
        let lower = TransactionKey(server: Sample.request("INVITE", sentBy: "phone.example.net"))
        let upper = TransactionKey(server: Sample.request("INVITE", sentBy: "Phone.Example.NET"))
        #expect(lower == upper)
        #expect(lower?.hashValue == upper?.hashValue)
    }

    @Test func `methods without a name of their own are told apart`() {
        let blip = Sample.request("BLIP")
        #expect(TransactionKey(server: blip) == TransactionKey(server: Sample.request("BLIP")))
        #expect(TransactionKey(server: blip) != TransactionKey(server: Sample.request("BLOP")))
    }

    @Test func `a CANCEL finds its INVITE`() {
        let key = TransactionKey(server: Sample.request("CANCEL"), as: .invite)
        #expect(key == TransactionKey(server: Self.invite))
    }

    static let old = Sample.request("INVITE", branch: "")

    @Test(arguments: [
        ("the same again", Sample.request("INVITE", branch: ""), true),
        ("its ACK, with the To tag of the response", Sample.request("ACK", branch: "", toTag: "b1"), true),
        ("another Request-URI", Sample.request("INVITE", branch: "", uri: "sip:carol@example.net"), false),
        ("another CSeq", Sample.request("INVITE", branch: "", sequence: 2), false),
        ("another top Via", Sample.request("INVITE", branch: "", sentBy: "10.0.0.1:5061"), false),
        ("a branch without the cookie", Sample.request("INVITE", branch: "1"), false),
        ("another method", Sample.request("OPTIONS", branch: ""), false),
    ])
    func `requests of RFC 2543 are matched by their headers`(what: String, request: Message, matches: Bool) {
        #expect((TransactionKey(server: request) == TransactionKey(server: Self.old)) == matches, "\(what)")
    }

    @Test func `the To tag counts for RFC 2543 requests other than INVITE`() {
        let one = TransactionKey(server: Sample.request("BYE", branch: "", toTag: "b1"))
        #expect(one == TransactionKey(server: Sample.request("BYE", branch: "", toTag: "b1")))
        #expect(one != TransactionKey(server: Sample.request("BYE", branch: "", toTag: "b2")))
    }

    @Test(arguments: [
        ("the same Via and method", Sample.response(200, to: Sample.request("INVITE")), true),
        ("another branch", Sample.response(200, to: Sample.request("INVITE", branch: "z9hG4bKtwo")), false),
        ("another method", Sample.response(200, to: Sample.request("CANCEL")), false),
        ("somebody else's Via", Sample.response(200, to: Sample.request("INVITE", sentBy: "10.0.0.2:5060")), false),
    ])
    func `responses are matched by the branch, sent-by and CSeq method`(
        what: String, response: Message, matches: Bool
    ) {
        #expect((TransactionKey(client: response) == TransactionKey(client: Self.invite)) == matches, "\(what)")
    }

    @Test func `without a Via or a branch to match by there is no key`() {
        let bare = Message(request: .options, uri: Array("sip:a".utf8), sequence: 1)
        #expect(TransactionKey(server: bare) == nil)
        #expect(TransactionKey(client: bare) == nil)
        #expect(TransactionKey(client: Self.old) == nil)
    }
}
