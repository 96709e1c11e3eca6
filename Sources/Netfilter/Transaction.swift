/// One change of the kernel's maps, which happens wholly or not at all.
///
/// It is carried out as three lists in one batch:
/// 1. add the old elements with their old data (other data would be EBUSY), so that each exists: one may have expired,
///    and deleting what is not there would abort the whole batch with ENOENT,
/// 2. delete them,
/// 3. add the wanted ones, with a fresh timeout. A new one that the kernel holds already, because its answer to an
///    earlier transaction was lost, stays as it is; with other data it is EBUSY.
///
/// No packet sees a state in between: the kernel makes the batch visible at once.
public struct Transaction: Hashable, Sendable {
    /// Elements that the kernel may hold now, with the data it holds them with.
    public var old: [SetElement]
    /// Elements that it shall hold.
    public var wanted: [SetElement]
    /// After which the kernel drops the wanted elements by itself.
    public var timeout: Duration

    /// A change from the old elements to the wanted ones.
    public init(old: [SetElement], wanted: [SetElement], timeout: Duration) {
        self.old = old
        self.wanted = wanted
        self.timeout = timeout
    }

    /// Whether nothing is to be done.
    public var isEmpty: Bool { old.isEmpty && wanted.isEmpty }
}
