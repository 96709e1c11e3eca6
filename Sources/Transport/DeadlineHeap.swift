/// Deadlines, of which the earliest is at hand and any can be taken out.
///
/// A heap of four children to a node, and for each deadline where in it it stands: putting one in behind all others, as
/// the ends of transactions come, costs one comparison; taking one out costs as many levels as the heap has.
struct DeadlineHeap {
    private struct Node {
        var deadline: Int64
        var slot: Int32
    }

    private var nodes: [Node] = []
    /// Where the deadline of each slot stands in `nodes`; of a free slot, the next free one.
    private var places: [Int32] = []
    private var firstFree: Int32 = -1

    /// Deadlines in it.
    var count: Int { nodes.count }

    /// The earliest deadline with its slot.
    var first: (deadline: Int64, slot: Int)? { nodes.first.map { ($0.deadline, Int($0.slot)) } }

    /// Puts a deadline in.
    ///
    /// - Returns: its slot: a small number that no other deadline has until this one is removed.
    mutating func insert(_ deadline: Int64) -> Int {
        var slot = firstFree
        if slot >= 0 {
            firstFree = places[Int(slot)]
        } else {
            slot = Int32(places.count)
            places.append(0)
        }
        nodes.append(Node(deadline: deadline, slot: slot))
        rise(from: nodes.count - 1)
        return Int(slot)
    }

    /// Takes out the deadline of a slot, which is free then.
    mutating func remove(_ slot: Int) {
        let place = Int(places[slot])
        places[slot] = firstFree
        firstFree = Int32(slot)
        let last = nodes.removeLast()
        guard place < nodes.count else { return }
        let removed = nodes[place]
        nodes[place] = last
        if last.deadline < removed.deadline { rise(from: place) } else { sink(from: place) }
    }

    /// Moves a node up until its parent is not later.
    private mutating func rise(from start: Int) {
        let node = nodes[start]
        var place = start
        while place > 0 {
            let parent = (place - 1) / 4
            guard node.deadline < nodes[parent].deadline else { break }
            put(nodes[parent], at: place)
            place = parent
        }
        put(node, at: place)
    }

    /// Moves a node down until no child is earlier.
    private mutating func sink(from start: Int) {
        let node = nodes[start]
        var place = start
        while true {
            let children = 4 * place + 1..<min(4 * place + 5, max(nodes.count, 4 * place + 1))
            var earliest = place
            var deadline = node.deadline
            for child in children where nodes[child].deadline < deadline {
                earliest = child
                deadline = nodes[child].deadline
            }
            guard earliest != place else { break }
            put(nodes[earliest], at: place)
            place = earliest
        }
        put(node, at: place)
    }

    private mutating func put(_ node: Node, at place: Int) {
        nodes[place] = node
        places[Int(node.slot)] = Int32(place)
    }
}
