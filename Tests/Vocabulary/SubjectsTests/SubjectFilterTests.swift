import Subjects
import Testing

struct SubjectFilterTests {
    @Test(arguments: ["", ".", "a.", ".a", "a..b", ">.a", "a.>.b", "a b", "a\tb"])
    func `a filter with empty tokens, white space or an early full wildcard is none`(_ text: String)
    {
        #expect(SubjectFilter(text) == nil)
    }

    @Test(arguments: [
        ("a", "a", true), ("a", "b", false), ("a", "a.b", false), ("a.b", "a", false),
        ("a.*", "a.b", true), ("a.*", "a", false), ("a.*", "a.b.c", false), ("*.b", "a.b", true),
        ("a.>", "a.b.c", true), ("a.>", "a", false), (">", "a.b", true), ("a*", "a*", true),
        ("a*", "ab", false), ("a.>b", "a.>b", true), ("*", "", true),
    ])
    func `a filter matches token by token`(_ filter: String, _ subject: String, _ expected: Bool) {
        #expect(SubjectFilter(filter)?.matches(subject) == expected)
    }

    @Test(arguments: [
        ("a.*", "*.b", true), ("a.>", "a.b.*", true), ("a.>", "a", false), ("a.b", "a.c", false),
        ("a.*.c", "a.b.>", true), ("x", "x", true), ("a.*", "a.*.*", false), (">", "z", true),
    ])
    func `overlap is found both ways round`(_ one: String, _ two: String, _ expected: Bool) throws {
        let (left, right) = (try #require(SubjectFilter(one)), try #require(SubjectFilter(two)))
        #expect(left.overlaps(right) == expected)
        #expect(right.overlaps(left) == expected)
    }

    @Test(arguments: [
        ("a.>", "a.b.*", true), ("a.b.*", "a.>", false), ("*", "a", true), ("a", "*", false),
        ("a.*", "a.*", true), ("a.>", "a.>", true), ("*.*", "a.>", false),
    ])
    func `containment holds one way`(_ wide: String, _ narrow: String, _ expected: Bool) throws {
        let (outer, inner) = (
            try #require(SubjectFilter(wide)), try #require(SubjectFilter(narrow))
        )
        #expect(outer.contains(inner) == expected)
    }

    @Test func `only a subject without wildcard tokens is literal`() {
        #expect(isLiteralSubject("a.b*"))
        #expect(!isLiteralSubject("a.*"))
        #expect(!isLiteralSubject(">"))
        #expect(!isLiteralSubject("a..b"))
    }
}
