import SIPText
import SIPTransactions
import Wire

// What the outside may not say or ask for: nobody has vouched for who sends from there.
extension SessionController {
    /// How often the failure of an INVITE is sent again over UDP to who may not be who it seems to be, and has acknowledged
    /// nothing: it is lost once in so many times as three datagrams running are. RFC 3261 section 17.2.1 would have eleven,
    /// a gift to whoever forges a source.
    static let repeatsToStrangers = 2

    /// Whether a source is inside, a next hop of the operator's routes, or proved by TLS that it is of a routed domain.
    func isTrusted(_ flow: Flow) -> Bool {
        settings.side(of: flow.remote.address) == .inside
            || settings.routes.contains { route in
                route.destination.remote.address == flow.remote.address
                    || flow.authenticatedDomains.contains(route.domain)
            }
    }

    /// Why a request that begins something is not passed on: the gateway is no relay between strangers, whose next hop may
    /// trust it by its address and charge the operator.
    func relayFault(_ context: ProxyContext) -> Rejection? {
        guard !settings.relaysForStrangers, !context.isAuthenticated, !isTrusted(context.flow) else { return nil }
        let isInward = context.branches.contains {
            settings.side(of: $0.destination.remote.address) == .inside
        }
        return isInward
            ? nil : .forbidden("neither the sender nor the next hop is inside, and nobody vouches for the sender")
    }

    /// Takes off what names the sender to those who believe it (RFC 3325 section 5): it may come from inside or from a
    /// trusted neighbour only.
    func removeClaims(_ request: inout Message, from flow: Flow) {
        guard !isTrusted(flow) else { return }
        request.removeFields { name in
            for claim in Self.claims where ASCII.equalIgnoringCase(name, claim) { return true }
            return false
        }
    }

    /// P-Asserted-Identity: RFC 3325. Remote-Party-ID: what came before it and is still believed.
    private static let claims: [StaticString] = ["P-Asserted-Identity", "Remote-Party-ID"]
}
