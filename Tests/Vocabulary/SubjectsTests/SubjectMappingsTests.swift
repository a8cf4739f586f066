import Subjects
import Testing

@Suite struct SubjectMappingsTests {
    private typealias Destination = SubjectMappings.Destination

    private func outcome(
        _ mappings: SubjectMappings, _ subject: String, cluster: String? = nil, draw: UInt64 = 0
    ) -> String {
        let bytes = Array(subject.utf8)
        switch mappings.outcome(of: bytes.span.bytes, cluster: cluster, random: draw) {
        case .same: return "same"
        case .dropped: return "dropped"
        case .mapped(let mapped): return String(decoding: mapped, as: UTF8.self)
        }
    }

    /// How many of a hundred draws go where.
    private func shares(_ mappings: SubjectMappings, _ subject: String) -> [String: Int] {
        (0..<100).reduce(into: [:]) { $0[outcome(mappings, subject, draw: $1), default: 0] += 1 }
    }

    @Test func `the first mapping whose source matches is used`() throws {
        var mappings = SubjectMappings()
        #expect(mappings.isEmpty)
        try mappings.add("a.*", to: [.init("wide.$1")])
        try mappings.add("a.b", to: [.init("narrow")])
        #expect(outcome(mappings, "a.b") == "wide.b")
        #expect(outcome(mappings, "c") == "same")
        #expect(!mappings.isEmpty)
    }

    @Test func `a source that is named again has its last destinations`() throws {
        var mappings = SubjectMappings()
        try mappings.add("a", to: [.init("b")])
        try mappings.add("a", to: [.init("c")])
        #expect(outcome(mappings, "a") == "c")
    }

    @Test func `weights share the messages, and what they leave goes to the source`() throws {
        var mappings = SubjectMappings()
        try mappings.add("a.*", to: [.init("b.$1", weight: 60), .init("c.$1", weight: 10)])
        #expect(shares(mappings, "a.x") == ["b.x": 60, "c.x": 10, "a.x": 30])
        try mappings.add("all", to: [])
        #expect(shares(mappings, "all") == ["all": 100])
    }

    @Test func `what a list with its source in it leaves is lost`() throws {
        var mappings = SubjectMappings()
        try mappings.add("a", to: [.init("a", weight: 50), .init("b", weight: 20)])
        #expect(shares(mappings, "a") == ["a": 50, "b": 20, "dropped": 30])
    }

    @Test func `a cluster has a list of its own, the others the general one`() throws {
        var mappings = SubjectMappings()
        try mappings.add("a", to: [.init("b"), .init("east", cluster: "east")])
        #expect(outcome(mappings, "a", cluster: "east", draw: 99) == "east")
        #expect(outcome(mappings, "a", cluster: "west", draw: 99) == "b")
        #expect(outcome(mappings, "a", draw: 99) == "b")
    }

    @Test func `bad lists are refused`() {
        var mappings = SubjectMappings()
        #expect(throws: SubjectMappings.Refusal.invalidSource) { try mappings.add("a..b", to: []) }
        #expect(throws: SubjectMappings.Refusal.duplicate(destination: "b")) {
            try mappings.add("a", to: [.init("b", weight: 10), .init("b", weight: 10)])
        }
        #expect(throws: SubjectMappings.Refusal.weightTooLarge) {
            try mappings.add("a", to: [.init("b", weight: 101)])
        }
        #expect(throws: SubjectMappings.Refusal.totalTooLarge) {
            try mappings.add("a", to: [.init("b", weight: 60), .init("c", weight: 50)])
        }
        #expect(throws: SubjectMappings.Refusal.transform(.invalidSubject)) {
            try mappings.add("a", to: [.init("b.*")])
        }
        #expect("\(SubjectMappings.Refusal.totalTooLarge)" == "total weight needs to be <= 100")
        #expect(mappings.isEmpty)
    }
}
