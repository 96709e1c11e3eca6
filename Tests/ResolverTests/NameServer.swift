import Glibc
import Lab
import Wire

/// dnsmasq with records of its own, as the name server of a test.
final class NameServer {
    let endpoint: Endpoint
    let child: Child
    private let directory: String

    /// Records: NAPTR and SRV, an alias, a host of both families, a domain without NAPTR, one that refuses, one with
    /// more SRV records than a datagram takes.
    static let zone =
        [
            "--host-record=a.test,192.0.2.1,2001:db8::1", "--host-record=b.test,192.0.2.2",
            "--host-record=bare.test,192.0.2.3", "--host-record=self.test,127.0.0.1",
            "--naptr-record=full.test,10,20,s,SIPS+D2T,,_sips._tcp.full.test",
            "--naptr-record=full.test,10,10,s,SIP+D2T,,_sip._tcp.full.test",
            "--naptr-record=full.test,20,10,s,SIP+D2U,,_sip._udp.full.test",
            "--srv-host=_sip._tcp.full.test,a.test,5070,1,0", "--srv-host=_sip._tcp.full.test,b.test,5071,2,0",
            "--srv-host=_sips._tcp.full.test,b.test,5081,1,0",
            "--srv-host=_sip._udp.plain.test,b.test,5072,1,0",
            "--cname=_sip._udp.alias.test,_sip._udp.plain.test",
            "--srv-host=_sip._udp.none.test",
        ] + (1...60).map { "--srv-host=_sip._udp.many.test,b.test,\(6000 + $0),\($0),0" }

    /// - Parameters:
    ///   - endpoint: where it listens.
    ///   - namespace: where it runs; nil is the tests' own.
    init(at endpoint: Endpoint, in namespace: Namespace? = nil) throws {
        self.endpoint = endpoint
        var template = Array("/tmp/sekisho-resolver-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Command.Failure(description: "mkdtemp: errno \(errno)") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let arguments = [
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
            "--pid-file=", "--log-facility=-", "--bind-interfaces", "--listen-address=\(endpoint.address)",
            "--port=\(endpoint.port)", "--local=/test/", "--local-ttl=300",
        ]
        child = try Child("dnsmasq", arguments + Self.zone, in: namespace, directory: directory)
        try child.expect("started")
    }

    deinit {
        child.stop()
        _ = try? Command.run(["rm", "-r", directory])
    }

    /// A name server on loopback, at a port that was free a moment ago.
    static func onLoopback() throws -> NameServer { try NameServer(at: Endpoint(.v4(0x7F00_0001), freePort())) }

    /// A port of 127.0.0.1 that nobody listens at.
    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard code == 0 else { throw Command.Failure(description: "no free port: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }
}
