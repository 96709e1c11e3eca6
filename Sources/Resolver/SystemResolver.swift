import CLinux
import Glibc
public import ServerLocation
public import Wire

/// The system's resolver, asked by the calling thread, which waits.
///
/// Addresses come from getaddrinfo(3), so that /etc/hosts and nsswitch.conf count; NAPTR and SRV from the name servers.
public struct SystemResolver: Sendable {
    private let limits: ResolverLimits
    /// Name servers instead of those of /etc/resolv.conf.
    private let servers: [sockaddr_in]

    /// - Parameters:
    ///   - limits: how long servers are waited for.
    ///   - servers: IPv4 name servers instead of those of /etc/resolv.conf, at most three; others are left out.
    public init(limits: ResolverLimits, servers: [Endpoint] = []) {
        self.limits = limits
        self.servers = servers.compactMap { endpoint in
            guard case .v4(let address) = endpoint.address else { return nil }
            return sockaddr_in(
                sin_family: sa_family_t(AF_INET), sin_port: endpoint.port.bigEndian,
                sin_addr: in_addr(s_addr: address.bigEndian), sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
        }
    }

    /// Asks, waits, and reads the answer.
    public func answer(to question: Question) -> Answer {
        switch question.type {
        case .a: addresses(of: question, AF_INET, octets: 4)
        case .aaaa: addresses(of: question, AF_INET6, octets: 16)
        case .srv, .naptr: records(of: question)
        }
    }

    private func records(of question: Question) -> Answer {
        var error: Int32 = 0
        var length = 0
        let message = [UInt8](unsafeUninitializedCapacity: LookupLimits.messageOctets) { buffer, count in
            length = withConfiguration { configuration in
                withUnsafePointer(to: configuration) {
                    CLinux_resolver_query(
                        $0, question.name.description, Int32(question.type.rawValue), buffer.baseAddress, buffer.count,
                        &error)
                }
            }
            count = min(max(0, length), buffer.count)
        }
        if let failure = Self.failure(length, error) { return failure }
        do throws(ParseError) {
            return try DNSMessage.parse(message.span, answering: question)
        } catch {
            return .failed(.malformed(error))
        }
    }

    private func addresses(of question: Question, _ family: Int32, octets: Int) -> Answer {
        var error: Int32 = 0
        var buffer = [UInt8](repeating: 0, count: octets * LookupLimits.addressesOfHost)
        let count = withConfiguration { configuration in
            withUnsafePointer(to: configuration) {
                CLinux_resolver_addresses(
                    $0, question.name.description, family, &buffer, Int32(LookupLimits.addressesOfHost), &error)
            }
        }
        if let failure = Self.failure(Int(count), error) { return failure }
        var addresses: [IPAddress] = []
        for index in 0..<Int(count) {
            let packed = buffer.span.extracting(index * octets..<(index + 1) * octets)
            if let address = IPAddress(octets: packed) { addresses.append(address) }
        }
        return .records(.addresses(addresses), lifetime: limits.addressLifetime)
    }

    private func withConfiguration<Value>(_ body: (CLinux_resolver) -> Value) -> Value {
        servers.withUnsafeBufferPointer {
            body(
                CLinux_resolver(
                    servers: $0.baseAddress, server_count: Int32($0.count), seconds: limits.serverSeconds,
                    attempts: limits.attempts))
        }
    }

    /// The answer that a negative result stands for; nil for any other.
    private static func failure(_ result: Int, _ error: Int32) -> Answer? {
        guard result < 0 else { return nil }
        switch result {
        case Int(CLinux_resolver_no_name): return .noSuchName(lifetime: nil)
        case Int(CLinux_resolver_no_answer): return .failed(.noAnswer)
        case Int(CLinux_resolver_no_server): return .failed(.noServer)
        case Int(CLinux_resolver_bad_name): return .failed(.system(EINVAL))
        default: return .failed(.system(error))
        }
    }
}
