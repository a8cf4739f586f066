import Bytes

/// The shape of a ``SubscriptionTrie``: a tree with a level for each token of the filters, without
/// what is held under them.
///
/// A node has its literal children in a small hash table, and one child each for `*` and `>`. Nodes
/// lie in one array and name each other by index. Nodes with no values and no children are taken
/// out, and their indices used again.
@usableFromInline
struct FilterTree: Sendable {
    var nodes: [Node] = [Node()]
    /// How many values are held in all.
    private var count = 0
    private var free: [Int32] = []
    private let seed = UInt64.random(in: .min ... .max)

    struct Node {
        var token = TreeToken()
        var hash: UInt32 = 0
        var parent: Int32 = none
        var partial: Int32 = none
        var full: Int32 = none
        var children = TokenTable()
        /// How many values are held here.
        var valueCount = 0

        var isEmpty: Bool {
            valueCount == 0 && partial == none && full == none && children.count == 0
        }
    }

    static var root: Int32 { 0 }

    @usableFromInline init() {}

    var isEmpty: Bool { count == 0 }

    /// One more value under `filter`.
    ///
    /// - Returns: the node where it is held.
    @usableFromInline
    mutating func insert(_ filter: RawSpan) -> Int {
        var node = Self.root
        var position = 0
        while let end = filter.nextToken(&position) {
            node = child(of: node, for: filter.extracting(end.start..<end.end))
        }
        nodes[Int(node)].valueCount += 1
        count += 1
        return Int(node)
    }

    /// The node of exactly this filter.
    @usableFromInline
    func node(of filter: RawSpan) -> Int? {
        var node = Self.root
        var position = 0
        while let token = filter.nextToken(&position) {
            node = find(filter.extracting(token.start..<token.end), in: node)
            if node == none { return nil }
        }
        return Int(node)
    }

    /// One value less at `node`, which had some.
    @usableFromInline
    mutating func removeValue(at node: Int) {
        nodes[node].valueCount -= 1
        count -= 1
        prune(Int32(node))
    }

    /// Numbers the nodes anew, without those that are free.
    ///
    /// - Returns: for each node where it was.
    @usableFromInline
    mutating func shrink() -> [Int] {
        var old = [Int(Self.root)]
        var shrunk: [Node] = []
        shrunk.reserveCapacity(nodes.count - free.count)
        shrunk.append(nodes[Int(Self.root)])
        var next = 0
        while next < old.count {
            let node = shrunk[next]
            let this = Int32(next)
            func move(_ child: Int32) -> Int32 {
                if child == none { return none }
                let place = Int32(old.count)
                old.append(Int(child))
                shrunk.append(nodes[Int(child)])
                shrunk[Int(place)].parent = this
                return place
            }
            shrunk[next].partial = move(node.partial)
            shrunk[next].full = move(node.full)
            shrunk[next].children = TokenTable()
            node.children.forEach { child, hash in
                let place = move(child)
                shrunk[next].children.insert(place, hash: hash)
            }
            next += 1
        }
        nodes = shrunk
        free = []
        return old
    }

    /// The child of `node` for a filter's token, wildcards included; none if there is none.
    func find(_ token: RawSpan, in node: Int32) -> Int32 {
        switch wildcard(token) {
        case .partial: nodes[Int(node)].partial
        case .full: nodes[Int(node)].full
        case nil: findLiteral(token, in: node)
        }
    }

    /// The child of `node` for a subject's token.
    func findLiteral(_ token: RawSpan, in node: Int32) -> Int32 {
        if nodes[Int(node)].children.count == 0 { return none }
        let hash = hash(token)
        let key = TreeToken(key: token)
        let only = nodes[Int(node)].children.only
        if only != TokenTable.vacant {
            let index = TokenTable.node(only)
            let isIt =
                TokenTable.hash(only) == hash
                && nodes[Int(index)].token.isEqual(to: token, key: key)
            return isIt ? index : none
        }
        var slot = nodes[Int(node)].children.firstSlot(hash)
        while true {
            let entry = nodes[Int(node)].children.slots[slot]
            if entry == TokenTable.vacant { return none }
            let index = TokenTable.node(entry)
            if TokenTable.hash(entry) == hash {
                if nodes[Int(index)].token.isEqual(to: token, key: key) { return index }
            }
            slot = nodes[Int(node)].children.slot(after: slot)
        }
    }

    private func hash(_ token: RawSpan) -> UInt32 {
        UInt32(truncatingIfNeeded: quickHash(token, seed: seed) >> 32)
    }

    private mutating func child(of node: Int32, for token: RawSpan) -> Int32 {
        let found = find(token, in: node)
        if found != none { return found }
        var fresh = Node()
        fresh.token = TreeToken(token)
        fresh.hash = hash(token)
        fresh.parent = node
        let index: Int32
        if let reused = free.popLast() {
            index = reused
            nodes[Int(index)] = fresh
        } else {
            index = Int32(nodes.count)
            nodes.append(fresh)
        }
        switch wildcard(token) {
        case .partial: nodes[Int(node)].partial = index
        case .full: nodes[Int(node)].full = index
        case nil: nodes[Int(node)].children.insert(index, hash: fresh.hash)
        }
        return index
    }

    private mutating func prune(_ start: Int32) {
        var node = start
        while node != Self.root, nodes[Int(node)].isEmpty {
            let parent = nodes[Int(node)].parent
            if nodes[Int(parent)].partial == node {
                nodes[Int(parent)].partial = none
            } else if nodes[Int(parent)].full == node {
                nodes[Int(parent)].full = none
            } else {
                nodes[Int(parent)].children.remove(node, hash: nodes[Int(node)].hash)
            }
            nodes[Int(node)] = Node()
            free.append(node)
            node = parent
        }
    }
}

let none: Int32 = -1

/// The literal children of a node: open addressing with linear probing, a hash and a node index in
/// each slot. A first child needs no table.
struct TokenTable {
    static let vacant: UInt64 = .max

    /// The entry of the one child, where there is no table.
    private(set) var only = vacant
    private(set) var slots: [UInt64] = []
    private(set) var count = 0

    static func hash(_ entry: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: entry >> 32) }
    static func node(_ entry: UInt64) -> Int32 { Int32(truncatingIfNeeded: entry) }

    func firstSlot(_ hash: UInt32) -> Int { Int(hash) & (slots.count - 1) }
    func slot(after slot: Int) -> Int { (slot + 1) & (slots.count - 1) }

    mutating func insert(_ node: Int32, hash: UInt32) {
        let entry = UInt64(hash) << 32 | UInt64(UInt32(bitPattern: node))
        if count == 0 {
            only = entry
            count = 1
            return
        }
        if only != Self.vacant {
            resize(to: 4)
            place(only)
            only = Self.vacant
        }
        if (count + 1) * 4 > slots.count * 3 { resize(to: slots.count * 2) }
        place(entry)
        count += 1
    }

    mutating func remove(_ node: Int32, hash: UInt32) {
        if only != Self.vacant {
            only = Self.vacant
            count = 0
            return
        }
        var hole = firstSlot(hash)
        while Self.node(slots[hole]) != node { hole = slot(after: hole) }
        // Those behind the hole move up, unless they would then stand before their own first slot.
        var next = slot(after: hole)
        while slots[next] != Self.vacant {
            let home = firstSlot(Self.hash(slots[next]))
            if (next - home) & (slots.count - 1) >= (next - hole) & (slots.count - 1) {
                slots[hole] = slots[next]
                hole = next
            }
            next = slot(after: next)
        }
        slots[hole] = Self.vacant
        count -= 1
        if count == 0 {
            slots = []
        } else if slots.count > 16, count * 8 < slots.count {
            resize(to: slots.count / 2)
        }
    }

    /// Calls `body` with each child until it says true.
    func contains(where body: (Int32) -> Bool) -> Bool {
        if only != Self.vacant { return body(Self.node(only)) }
        return slots.contains { $0 != Self.vacant && body(Self.node($0)) }
    }

    /// Calls `body` with each child and its hash.
    func forEach(_ body: (Int32, UInt32) -> Void) {
        if only != Self.vacant { return body(Self.node(only), Self.hash(only)) }
        for entry in slots where entry != Self.vacant { body(Self.node(entry), Self.hash(entry)) }
    }

    private mutating func place(_ entry: UInt64) {
        var slot = firstSlot(Self.hash(entry))
        while slots[slot] != Self.vacant { slot = self.slot(after: slot) }
        slots[slot] = entry
    }

    private mutating func resize(to capacity: Int) {
        let old = slots
        slots = Array(repeating: Self.vacant, count: capacity)
        for entry in old where entry != Self.vacant { place(entry) }
    }
}
