import Bytes

extension FilterTree {
    /// Appends the nodes of all filters that match `subject`.
    @usableFromInline
    func collect(_ subject: RawSpan, into matches: inout [Int]) {
        guard !isEmpty, !subject.hasEmptyToken else { return }
        collect(subject, 0, Self.root, &matches)
    }

    private func collect(
        _ subject: RawSpan, _ position: Int, _ node: Int32, _ matches: inout [Int]
    ) {
        var position = position
        var node = node
        while let token = subject.nextToken(&position) {
            let full = nodes[Int(node)].full
            if full != none { matches.append(Int(full)) }
            let partial = nodes[Int(node)].partial
            if partial != none { collect(subject, position, partial, &matches) }
            node = findLiteral(subject.extracting(token.start..<token.end), in: node)
            if node == none { return }
        }
        if nodes[Int(node)].valueCount > 0 { matches.append(Int(node)) }
    }

    @usableFromInline
    func hasMatch(_ subject: RawSpan) -> Bool {
        guard !isEmpty, !subject.hasEmptyToken else { return false }
        return hasMatch(subject, 0, Self.root)
    }

    private func hasMatch(_ subject: RawSpan, _ position: Int, _ node: Int32) -> Bool {
        var position = position
        var node = node
        while let token = subject.nextToken(&position) {
            if nodes[Int(node)].full != none { return true }
            let partial = nodes[Int(node)].partial
            if partial != none, hasMatch(subject, position, partial) { return true }
            node = findLiteral(subject.extracting(token.start..<token.end), in: node)
            if node == none { return false }
        }
        return nodes[Int(node)].valueCount > 0
    }

    @usableFromInline
    func hasOverlap(_ filter: RawSpan) -> Bool {
        guard !isEmpty, !filter.hasEmptyToken else { return false }
        return hasOverlap(filter, 0, Self.root)
    }

    private func hasOverlap(_ filter: RawSpan, _ position: Int, _ node: Int32) -> Bool {
        var position = position
        guard let token = filter.nextToken(&position) else {
            return nodes[Int(node)].valueCount > 0
        }
        let here = nodes[Int(node)]
        // Nodes that lead nowhere are pruned, so any child has a value at or below it.
        if here.full != none { return true }
        let text = filter.extracting(token.start..<token.end)
        switch wildcard(text) {
        case .full: return here.partial != none || here.children.count > 0
        case .partial:
            if here.partial != none, hasOverlap(filter, position, here.partial) { return true }
            return here.children.contains { hasOverlap(filter, position, $0) }
        case nil:
            if here.partial != none, hasOverlap(filter, position, here.partial) { return true }
            let child = findLiteral(text, in: node)
            return child != none && hasOverlap(filter, position, child)
        }
    }
}

enum Wildcard { case partial, full }

func wildcard(_ token: RawSpan) -> Wildcard? {
    guard token.byteCount == 1 else { return nil }
    switch token[byteAt: 0] {
    case UInt8(ascii: "*"): return .partial
    case UInt8(ascii: ">"): return .full
    default: return nil
    }
}

extension RawSpan {
    /// The token at `position`, which moves behind the `.` that ends it; nil behind the last one.
    func nextToken(_ position: inout Int) -> (start: Int, end: Int)? {
        guard position <= byteCount else { return nil }
        let start = position
        var end = start
        while end < byteCount, self[byteAt: end] != UInt8(ascii: ".") { end &+= 1 }
        position = end &+ 1
        return (start, end)
    }

    /// `a..b`, `.a`, `a.` and the empty subject have one.
    var hasEmptyToken: Bool {
        var previous = UInt8(ascii: ".")
        for index in 0..<byteCount {
            let byte = self[byteAt: index]
            if byte == UInt8(ascii: "."), previous == byte { return true }
            previous = byte
        }
        return previous == UInt8(ascii: ".")
    }
}
