import Glibc

/// A gateway between an inside host and two outside hosts, each in a namespace of its own:
///
/// ```
/// inside                 gateway                          switch      outside (callee)
/// 10.1.0.2  ------- lan0      wan0 -----------------------+-------- 10.2.0.2    10.3.0.9 (on lo)
/// fd00:1::2        10.1.0.1   10.2.0.1                    |         fd00:2::2
///                  fd00:1::1  fd00:2::1                   |         stranger
///                                                         +-------- 10.2.0.3    fd00:2::3
/// ```
/// The gateway forwards, and its own firewall is a foreign table that drops everything in the forward hook.
public final class GatewayTestbed {
    /// The namespace of the protected host.
    public let inside: Namespace
    /// The namespace of the gateway.
    public let gateway: Namespace
    /// The namespace of the callee.
    public let outside: Namespace
    /// The namespace of the outside host that takes no part in the call.
    public let stranger: Namespace
    /// The outside network: every packet of its hosts and of the gateway passes its bridge `br0`.
    public let ethernet: Namespace

    private let turn: Turn

    /// The gateway's own firewall, which must never change.
    public let foreignRules: String

    /// A firewall that drops everything that it does not know from before.
    public static let foreignRules = """
        table inet admin {
        \tchain forward {
        \t\ttype filter hook forward priority filter; policy drop;
        \t\tct state established,related accept
        \t}
        }

        """

    /// The same with the line for what Sekisho lets through on the routed path.
    public static let markAcceptingRules = """
        table inet admin {
        \tchain forward {
        \t\ttype filter hook forward priority filter; policy drop;
        \t\tct state established,related accept
        \t\tmeta mark & 0x40000000 == 0x40000000 accept
        \t}
        }

        """

    /// - Parameters:
    ///   - name: a few letters that tell this testbed from others of the process.
    ///   - foreignRules: the gateway's own firewall, as `nft list table inet admin` prints it.
    ///   - pause: what lets a fiftieth of a second go by, again and again while others have their turn; what it throws
    ///     ends the wait. Without it the thread sleeps, and a blocked signal does not wake it.
    ///
    /// Waits for every other testbed of this machine to go: what a kernel does in time is measured in them, and the
    /// making and ending of namespaces holds up all others for tenths of a second.
    public init(
        _ name: String, foreignRules: String = GatewayTestbed.foreignRules, pause: (() throws -> Void)? = nil
    ) throws {
        self.foreignRules = foreignRules
        guard geteuid() == 0 else {
            throw Command.Failure(description: "these tests need root: namespaces and nftables; run them as root")
        }
        turn = try Turn(pause: pause ?? { usleep(20_000) })
        inside = try Namespace("\(name)-in")
        gateway = try Namespace("\(name)-gw")
        ethernet = try Namespace("\(name)-sw")
        outside = try Namespace("\(name)-out")
        stranger = try Namespace("\(name)-str")
        try Command.output(["sh", "-e", "-c", script])
        try gateway.command("sh", "-c", "printf '%s' '\(foreignRules)' | nft -f -")
    }

    private var script: String {
        """
        ip -n \(inside.name) link add eth0 type veth peer name lan0 netns \(gateway.name)
        ip -n \(ethernet.name) link add br0 type bridge
        ip -n \(ethernet.name) link add p0 type veth peer name wan0 netns \(gateway.name)
        ip -n \(ethernet.name) link add p1 type veth peer name eth0 netns \(outside.name)
        ip -n \(ethernet.name) link add p2 type veth peer name eth0 netns \(stranger.name)
        for port in p0 p1 p2; do ip -n \(ethernet.name) link set $port master br0 up; done
        ip -n \(ethernet.name) link set br0 up
        links="\(inside.name):eth0 \(gateway.name):lan0 \(gateway.name):wan0 \(outside.name):eth0 \(stranger.name):eth0"
        for link in $links; do
          ip netns exec ${link%:*} sh -c "echo 0 > /proc/sys/net/ipv6/conf/${link#*:}/accept_dad"
          ip -n ${link%:*} link set ${link#*:} up
        done
        for link in $links; do
          until ip -n ${link%:*} link show ${link#*:} | grep -q 'state UP'; do sleep 0.01; done
        done
        host() { ip -n $1 addr add $3/24 dev $2; ip -n $1 addr add $4/64 dev $2 nodad; }
        host \(inside.name) eth0 10.1.0.2 fd00:1::2
        host \(gateway.name) lan0 10.1.0.1 fd00:1::1
        host \(gateway.name) wan0 10.2.0.1 fd00:2::1
        host \(outside.name) eth0 10.2.0.2 fd00:2::2
        host \(stranger.name) eth0 10.2.0.3 fd00:2::3
        ip -n \(outside.name) addr add 10.3.0.9/32 dev lo
        ip -n \(gateway.name) route add 10.3.0.0/24 via 10.2.0.2
        ip -n \(inside.name) route add default via 10.1.0.1
        ip -n \(inside.name) -6 route add default via fd00:1::1
        for name in \(outside.name) \(stranger.name); do
          ip -n $name route add default via 10.2.0.1; ip -n $name -6 route add default via fd00:2::1
        done
        ip netns exec \(gateway.name) sh -c 'for f in /proc/sys/net/ipv4/ip_forward \\
          /proc/sys/net/ipv6/conf/all/forwarding; do echo 1 > $f; done'
        """
    }

    /// What `nft list table` of the gateway prints for the foreign table.
    public func listForeignRules() throws -> String { try gateway.command("nft", "list", "table", "inet", "admin") }
}
