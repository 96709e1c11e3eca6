import Corpus
import SIPText
import Testing
import Wire

@Suite struct DisclosureRequestTests {
    /// Each request as `host[cid cid]access`.
    private static func read(_ rows: [String]) throws -> [String] {
        let text = String(decoding: request(), as: UTF8.self).dropLast() + rows.map { $0 + "\r\n" }.joined() + "\r\n"
        let message = try #require(parsed(Array(text.utf8)))
        return DisclosureRequest.all(in: message).map {
            "\(message.text($0.host))[\($0.contentIDs.map(message.text).joined(separator: " "))]\($0.access)"
        }
    }

    @Test(arguments: [
        ("gw.example.net;cid=1@a", ["gw.example.net[1@a]unspecified"]),
        ("gw;cid=\"1@a\"", ["gw[1@a]unspecified"]),
        ("gw;cid=<1@a>", ["gw[1@a]unspecified"]),
        ("gw;cid=\"<1@a>\"", ["gw[1@a]unspecified"]),
        ("gw ; CID = 1@a ; Access = Modify", ["gw[1@a]modify"]),
        ("gw;access=\"read\";cid=1@a", ["gw[1@a]read"]),
        // After a comma, "cid=" goes on and anything else begins anew.
        ("gw;cid=1@a,cid=2@a", ["gw[1@a 2@a]unspecified"]),
        ("gw;cid=1@a , cid = \"2@a\";access=read", ["gw[1@a 2@a]read"]),
        ("gw;cid=1@a, gw2;cid=2@a", ["gw[1@a]unspecified", "gw2[2@a]unspecified"]),
        ("gw;cid=1@a,cid=2@a,cid.example;cid=3@a", ["gw[1@a 2@a]unspecified", "cid.example[3@a]unspecified"]),
        ("gw;cid=1@a,cid;cid=2@a", ["gw[1@a]unspecified", "cid[2@a]unspecified"]),
        ("gw;cid=1@a;cid=2@a", ["gw[1@a 2@a]unspecified"]),
        ("gw;cid=1@a;x;y=z;access=read", ["gw[1@a]read"]),
        ("gw;cid=\"a,b;c\"", ["gw[a,b;c]unspecified"]),
        ("[2001:db8::1];cid=1@a", ["[2001:db8::1][1@a]unspecified"]),
        ("gw;\r\n cid=1@a,\r\n cid=2@a", ["gw[1@a 2@a]unspecified"]),
        // The smaller access of two, and of a word that is not known.
        ("gw;cid=1;access=read;access=modify", ["gw[1]read"]),
        ("gw;cid=1;access=modify;access=read", ["gw[1]read"]),
        ("gw;cid=1;access=all", ["gw[1]read"]),
        ("gw;cid=1;access=", ["gw[1]read"]),
        ("gw;cid=1;access", ["gw[1]unspecified"]),
    ])
    func `a row comes apart`(row: String, requests: [String]) throws {
        for name in ["Proxy-Inspect-Body", "proxy-required-body", "SESSION-POLICY "] {
            #expect(try Self.read(["\(name): \(row)"]) == requests)
        }
    }

    /// What is malformed is left out, and what stands beside it is not.
    @Test(arguments: [
        "", ",", "gw", "gw;access=read", ";cid=1", "gw;cid", "gw;cid=", "gw;cid=\"\"", "gw gw;cid=1", "gw;cid=1 x",
        "gw;cid=1\"x",
        "\"gw\";cid=1", "cid=1",
    ])
    func `a malformed value is left out alone`(row: String) throws {
        #expect(try Self.read(["Proxy-Inspect-Body: \(row)"]) == [])
        #expect(try Self.read(["Proxy-Inspect-Body: \(row), b;cid=2"]) == ["b[2]unspecified"])
        if row != "cid=1" {
            #expect(try Self.read(["Proxy-Inspect-Body: a;cid=1, \(row)"]).first == "a[1]unspecified")
        }
    }

    @Test func `a quote that is not closed hides what is behind it`() throws {
        #expect(try Self.read(["Proxy-Inspect-Body: a;cid=1, gw;cid=\"2, b;cid=3"]) == ["a[1]unspecified"])
    }

    @Test func `rows are read in their order, whatever their names`() throws {
        let requests = try Self.read([
            "Session-Policy: a;cid=1", "X: y", "Proxy-Inspect-Body: b;cid=2", "Proxy-Required-Body: c;cid=3,cid=4",
        ])
        #expect(requests == ["a[1]unspecified", "b[2]unspecified", "c[3 4]unspecified"])
    }

    @Test(arguments: [
        (DisclosureRequest.Access.unspecified, "gw;cid=1@a"), (.read, "gw;cid=1@a;access=read"),
        (.modify, "gw;cid=1@a;access=modify"),
    ])
    func `what is written is read again`(access: DisclosureRequest.Access, text: String) throws {
        let value = DisclosureRequest.value(host: Array("gw".utf8), contentID: Array("1@a".utf8), access: access)
        #expect(String(decoding: value, as: UTF8.self) == text)
        #expect(try Self.read(["Proxy-Inspect-Body: \(text)"]) == ["gw[1@a]\(access)"])
    }
}
