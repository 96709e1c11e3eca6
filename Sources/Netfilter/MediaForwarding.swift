/// How the packets of a hole pass this machine.
public enum MediaForwarding: Hashable, Sendable, CaseIterable {
    /// From the device that they come in at straight to the neighbour that they go to: no routing, no forward hook, no
    /// connection tracking, and no other table sees them.
    case fast
    /// Through the kernel's routing and the forward hook, marked and untracked: the site's own firewall accepts the mark.
    case routed
}
