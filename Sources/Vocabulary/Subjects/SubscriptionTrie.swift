/// Who subscribes to what: values under subject filters, found by the subjects that the filters
/// match.
///
/// The walking is in ``FilterTree``, which knows nothing of the values, and gives nodes: here are
/// the values of each.
public struct SubscriptionTrie<Value: Equatable> {
    /// How many values it holds.
    @usableFromInline var held = 0
    @inlinable public var count: Int { held }

    @usableFromInline var tree = FilterTree()
    @usableFromInline var values: [[Value]] = []

    public init() {}

    /// How many filters there were room for at most, since it was last made anew.
    @inlinable public var room: Int { values.count }

    /// Takes no more room than what it holds needs, where it has held much more.
    ///
    /// Looks at what it holds, not at the room that it had.
    @inlinable
    public mutating func shrink() {
        let places = tree.shrink()
        var shrunk: [[Value]] = []
        shrunk.reserveCapacity(places.count)
        for place in places { shrunk.append(place < values.count ? values[place] : []) }
        values = shrunk
    }

    /// Adds `value` under `filter`, which must be valid: see ``SubjectBytes/isValidFilter(_:)``.
    @inlinable
    public mutating func insert(_ value: Value, for filter: RawSpan) {
        let node = tree.insert(filter)
        while values.count <= node { values.append([]) }
        values[node].append(value)
        held += 1
    }

    /// Takes `value` out from under `filter`.
    ///
    /// - Returns: whether it was there.
    @inlinable
    @discardableResult
    public mutating func remove(_ value: Value, for filter: RawSpan) -> Bool {
        guard let node = tree.node(of: filter), node < values.count,
            let index = values[node].firstIndex(of: value)
        else { return false }
        let last = values[node].count - 1
        values[node].swapAt(index, last)
        values[node].removeLast()
        if last == 0 { values[node] = [] }
        tree.removeValue(at: node)
        held -= 1
        return true
    }

    /// Appends the values of all filters that match `subject`. A subject with an empty token
    /// matches nothing.
    ///
    /// Wildcards in `subject` are letters like others: they match filters that are at least as
    /// wide.
    @inlinable
    public func collect(_ subject: RawSpan, into matches: inout [Value]) {
        var nodes: [Int] = []
        tree.collect(subject, into: &nodes)
        for node in nodes { matches.append(contentsOf: values[node]) }
    }

    /// Calls `body` with each value, in no order.
    @inlinable
    public func forEach(_ body: (Value) -> Void) {
        for list in values { for value in list { body(value) } }
    }

    /// Whether any filter matches `subject`.
    public func hasMatch(_ subject: RawSpan) -> Bool { tree.hasMatch(subject) }

    /// Whether any filter and `filter` have a subject in common.
    public func hasOverlap(_ filter: RawSpan) -> Bool { tree.hasOverlap(filter) }
}

extension SubscriptionTrie: Sendable where Value: Sendable {}
