import Bytes
import Subjects
import Testing

@Suite struct SubscriptionTrieTests {
    private func trie(_ filters: [String]) -> SubscriptionTrie<String> {
        var trie = SubscriptionTrie<String>()
        for filter in filters { trie.insert(filter, for: Array(filter.utf8).span.bytes) }
        return trie
    }

    private func remove(_ trie: inout SubscriptionTrie<String>, _ filter: String) -> Bool {
        trie.remove(filter, for: Array(filter.utf8).span.bytes)
    }

    private func overlaps(_ trie: SubscriptionTrie<String>, _ filter: String) -> Bool {
        trie.hasOverlap(Array(filter.utf8).span.bytes)
    }

    private func isValid(_ filter: String) -> Bool {
        SubjectBytes.isValidFilter(Array(filter.utf8).span.bytes)
    }

    private func isLiteral(_ subject: String) -> Bool {
        SubjectBytes.isLiteral(Array(subject.utf8).span.bytes)
    }

    private func matches(_ trie: SubscriptionTrie<String>, _ subject: String) -> [String] {
        var found: [String] = []
        let bytes = Array(subject.utf8)
        trie.collect(bytes.span.bytes, into: &found)
        let hasMatch = trie.hasMatch(bytes.span.bytes)
        #expect(hasMatch == !found.isEmpty)
        return found.sorted()
    }

    @Test func `a star matches one token, a greater-than one or more`() {
        let trie = trie(["a.b", "a.*", "a.>", "*.b", ">", "a", "*", "a.*.c", "a.b.>"])
        #expect(matches(trie, "a.b") == ["*.b", ">", "a.*", "a.>", "a.b"])
        #expect(matches(trie, "a") == ["*", ">", "a"])
        #expect(matches(trie, "a.x.c") == [">", "a.*.c", "a.>"])
        #expect(matches(trie, "a.b.c") == [">", "a.*.c", "a.>", "a.b.>"])
        #expect(matches(trie, "b") == ["*", ">"])
    }

    @Test func `wildcards in a published subject are letters`() {
        let trie = trie(["foo.*", "foo.>", "foo.bar"])
        #expect(matches(trie, "foo.*") == ["foo.*", "foo.>"])
        #expect(matches(trie, "foo.>") == ["foo.*", "foo.>"])
    }

    @Test func `a subject with an empty token reaches nobody`() {
        let trie = trie([">", "foo.>", "foo.*.bar"])
        for subject in ["foo..bar", ".foo", "foo.", ".", ""] {
            #expect(matches(trie, subject) == [])
        }
    }

    @Test func `what is left of a flood takes little room and is found as before`() {
        let flood = (0..<20_000).map { "a\($0 % 100).b\($0).c" }
        let rest = ["a1.b1.c", "a1.*.c", "a1.>", "a2.b2", "*.b1.*", ">", "a1.b1.c.a-token-of-more-than-16-bytes"]
        var trie = trie(flood + rest)
        for filter in flood { #expect(remove(&trie, filter)) }
        #expect(trie.count == rest.count && trie.room > 20_000)
        trie.shrink()
        #expect(trie.count == rest.count && trie.room < 20)
        #expect(matches(trie, "a1.b1.c") == ["*.b1.*", ">", "a1.*.c", "a1.>", "a1.b1.c"])
        #expect(matches(trie, "a1.b1.c.a-token-of-more-than-16-bytes") == [">", "a1.>", "a1.b1.c.a-token-of-more-than-16-bytes"])
        #expect(matches(trie, "a2.b2") == [">", "a2.b2"])
        // New ones find their places, and those that were there before go one by one.
        for filter in flood { trie.insert(filter, for: Array(filter.utf8).span.bytes) }
        #expect(matches(trie, "a2.b2.c") == [">", "a2.b2.c"])
        for filter in flood + rest { #expect(remove(&trie, filter)) }
        #expect(trie.count == 0 && !overlaps(trie, ">"))
        trie.shrink()
        #expect(trie.room == 1 && matches(trie, "a1.b1.c") == [])
    }

    @Test func `the same value may be held twice and is taken out once a time`() {
        var trie = trie(["a", "a"])
        #expect(matches(trie, "a") == ["a", "a"])
        #expect(remove(&trie, "a"))
        #expect(matches(trie, "a") == ["a"])
        #expect(remove(&trie, "a"))
        #expect(!remove(&trie, "a"))
        #expect(trie.count == 0)
    }

    @Test func `an overlap is found exactly where the filters have a subject in common`() {
        let filters = ["a", "a.b", "a.*", "*.b", "a.>", "b.*.c", "*", "*.*", "b.>", ">", "a.b.c"]
        for stored in filters {
            let trie = trie([stored])
            for asked in filters {
                let expected = SubjectFilter(stored)!.overlaps(SubjectFilter(asked)!)
                #expect(overlaps(trie, asked) == expected, "\(stored) and \(asked)")
            }
        }
    }

    /// The trie and the filters' own comparison are written independently: they must agree, through
    /// many insertions and removals that reuse nodes and move table slots.
    @Test(arguments: [1, 2, 3])
    func `it agrees with comparing each filter by itself`(seed: UInt64) {
        var random = SplitMix(state: seed)
        func name(_ wild: Bool) -> String {
            var tokens: [String] = []
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let pick = Int.random(in: 0..<(wild ? 40 : 34), using: &random)
                tokens.append(pick < 34 ? "t\(pick)" : "*")
            }
            if wild, Int.random(in: 0..<5, using: &random) == 0 { tokens.append(">") }
            return tokens.joined(separator: ".")
        }
        var trie = SubscriptionTrie<String>()
        var held: [String] = []
        for _ in 0..<3000 {
            if held.isEmpty || Int.random(in: 0..<5, using: &random) < 3 {
                let filter = name(true)
                trie.insert(filter, for: Array(filter.utf8).span.bytes)
                held.append(filter)
            } else {
                let gone = held.remove(at: Int.random(in: 0..<held.count, using: &random))
                #expect(remove(&trie, gone))
            }
            let subject = name(false)
            let expected = held.filter { SubjectFilter($0)!.matches(subject) }.sorted()
            #expect(matches(trie, subject) == expected)
        }
        for filter in held { #expect(remove(&trie, filter)) }
        #expect(trie.count == 0)
        #expect(!overlaps(trie, ">"))
    }

    @Test func `filters with empty tokens or an early greater-than are invalid`() {
        for filter in ["a", "a.b", "*", ">", "a.*.b", "a.>", "a>", "a*.b", ">a"] {
            #expect(isValid(filter), "\(filter)")
        }
        for filter in ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b"] {
            #expect(!isValid(filter), "\(filter)")
        }
    }

    @Test func `only a subject without wildcard tokens is literal`() {
        for subject in ["a", "a.b", "a*.b", "a.>b"] {
            #expect(isLiteral(subject), "\(subject)")
        }
        for subject in ["*", "a.*", "a.>", "a..b", ""] {
            #expect(!isLiteral(subject), "\(subject)")
        }
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
