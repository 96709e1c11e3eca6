/// Values by the transaction that they belong to.
///
/// The layer numbers its transactions so that the lowest bits are a place, given again when the transaction has ended: a
/// look-up is one access to an array, where a dictionary of a hundred thousand would miss the cache several times. All of it
/// is inlinable, so that it is compiled for the value's type where it is used.
public struct TransactionMap<Value> {
    @usableFromInline
    struct Slot {
        @usableFromInline var value: Value

        @inlinable
        init(value: Value) { self.value = value }

        @inlinable
        mutating func change<Result>(_ body: (inout Value) -> Result) -> Result { body(&value) }
    }

    /// Whose value stands in each place; nil where there is none.
    @usableFromInline var owners: [TransactionID?] = []
    @usableFromInline var slots: [Slot?] = []
    @usableFromInline var storedCount = 0

    /// A map without values.
    @inlinable
    public init() {}

    /// Values in it.
    @inlinable public var count: Int { storedCount }

    /// Whether there is no value.
    @inlinable public var isEmpty: Bool { storedCount == 0 }

    @inlinable
    func contains(_ id: TransactionID) -> Bool { id.place < owners.count && owners[id.place] == id }

    /// The value of a transaction; nil when it has none.
    @inlinable
    public subscript(id: TransactionID) -> Value? {
        get { contains(id) ? slots[id.place]?.value : nil }
        set {
            guard let newValue else {
                removeValue(of: id)
                return
            }
            while owners.count <= id.place {
                owners.append(nil)
                slots.append(nil)
            }
            if owners[id.place] == nil { storedCount += 1 }
            owners[id.place] = id
            slots[id.place] = Slot(value: newValue)
        }
    }

    /// Takes the value of a transaction out.
    ///
    /// - Returns: the value, when there was one.
    @discardableResult
    @inlinable
    public mutating func removeValue(of id: TransactionID) -> Value? {
        guard contains(id) else { return nil }
        owners[id.place] = nil
        storedCount -= 1
        return slots[id.place].take()?.value
    }

    /// Looks at the value of a transaction without a copy.
    ///
    /// - Returns: what the look gives; nil when there is no value.
    @inlinable
    func read<Result>(_ id: TransactionID, _ body: (Value) -> Result) -> Result? {
        contains(id) ? slots[id.place].map { body($0.value) } : nil
    }

    /// Changes the value of a transaction in its place.
    ///
    /// - Returns: what the change gives; nil when there is no value.
    @inlinable
    mutating func change<Result>(_ id: TransactionID, _ body: (inout Value) -> Result) -> Result? {
        contains(id) ? slots[id.place]?.change(body) : nil
    }

    /// The transactions whose value is as wanted.
    func ids(where isWanted: (Value) -> Bool) -> [TransactionID] {
        owners.compactMap { id in id.flatMap { read($0, isWanted) ?? false ? $0 : nil } }
    }
}

extension TransactionMap: Sendable where Value: Sendable {}
extension TransactionMap.Slot: Sendable where Value: Sendable {}
