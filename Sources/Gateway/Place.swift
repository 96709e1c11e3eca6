import Wire

/// Where a party of a call is, as its signalling shows.
struct Place: Hashable, Sendable {
    /// Which side of the gateway it is on.
    let side: Side
    /// Where its signalling comes from or goes to: the one address that an inside party's media may name.
    let address: IPAddress
}

extension ControllerSettings {
    func place(of address: IPAddress) -> Place { Place(side: side(of: address), address: address) }
}
