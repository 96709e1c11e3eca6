internal import Glibc
internal import Wire

extension ProxySettings.Listener {
    /// The error of a listener that could not be bound.
    ///
    /// - Parameter code: errno of bind(2).
    public func bindError(code: Int32) -> ConfigurationError {
        let name = "\(transport.rawValue.uppercased()) port \(endpoint.port)"
        switch code {
        case EADDRNOTAVAIL:
            return addressPlace.error(
                "no interface of this machine has this address", allowed: "an address that `ip address` shows")
        case EACCES, EPERM:
            return portPlace.error(
                "\(name) needs CAP_NET_BIND_SERVICE, which user \(ProcessUser.name) has not here",
                allowed: "1024 to 65535; or, in the unit, "
                    + "AmbientCapabilities= and CapabilityBoundingSet=CAP_NET_BIND_SERVICE")
        case EADDRINUSE:
            return portPlace.error(
                "another program has \(name) of this address; `ss -lnp` shows which", allowed: "a port that is free")
        case _:
            return addressPlace.error("cannot be listened on: \(String(cString: strerror(code)))")
        }
    }
}
