import Glibc

/// A running dnsmasq that knows the records it is given and asks nobody.
public final class Dnsmasq {
    /// The program.
    public let child: Child

    /// Starts it, and waits until it answers.
    ///
    /// - Parameters:
    ///   - records: its options that make records: `host-record=gw.example.net,10.1.0.1`, `srv-host=…`, `naptr-record=…`.
    ///   - address: where it listens, port 53; an address of the namespace.
    public init(_ name: String, records: [String], at address: String, in namespace: Namespace, directory: String)
        throws
    {
        let fixed = [
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root",
            "--pid-file=", "--log-facility=-", "--log-queries", "--bind-interfaces", "--listen-address=\(address)",
            "--local=/example/", "--local=/example.net/", "--local-ttl=300",
        ]
        child = try Child(name, fixed + records.map { "--\($0)" }, in: namespace, directory: directory)
        try child.expect("started")
    }

    deinit { child.stop() }
}
