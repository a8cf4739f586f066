import KafkaCoordination
import KafkaProtocol
import Model
import Testing

/// A hundred clients' worth of chance: joins, losses, departures and time, by seed.
@Suite struct RandomGroupTests {
    @Test(arguments: 0..<60)
    func `no request is answered twice or left behind`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var story = GroupStory {
            $0.initialRebalanceDelayMilliseconds = seed % 3 == 0 ? 500 : 0
            $0.maxMemberCount = 8
        }
        var members: [(id: String, instance: String?)] = []
        var generation: Int32 = 0
        var highestCommit: Int64 = 0
        for _ in 0..<400 {
            let pick = members.randomElement(using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1:
                let instance = Bool.random(using: &random)
                    ? "i\(Int.random(in: 0..<3, using: &random))" : nil
                _ = story.join(
                    instance: instance,
                    protocols: Bool.random(using: &random) ? ["range", "rr"] : ["rr", "range"],
                    rebalance: 12_000, knownID: Bool.random(using: &random),
                    skips: Bool.random(using: &random))
            case 2, 3, 4:
                if let pick {
                    _ = story.join(
                        pick.id, instance: pick.instance, protocols: ["range", "rr"],
                        rebalance: 12_000)
                }
            case 5, 6, 7:
                if let pick {
                    _ = story.sync(
                        pick.id, generation, instance: pick.instance, assigns: members.map(\.id))
                }
            case 8: if let pick { _ = story.heartbeat(pick.id, generation, instance: pick.instance) }
            case 9: if let pick { _ = story.leave(pick.id, instance: pick.instance) }
            case 10:
                let offset = highestCommit + 1
                if story.commit(pick?.id ?? "", generation, offset: offset) == .none {
                    highestCommit = offset
                }
            default: story.pass(milliseconds: Int64.random(in: 0..<4_000, using: &random))
            }
            for answer in story.joins.values where answer.error == .memberIdRequired {
                if !members.contains(where: { $0.id == answer.memberID }), members.count < 40 {
                    members.append((answer.memberID, nil))
                }
            }
            for answer in story.joins.values where answer.error == .none {
                generation = max(generation, answer.generation)
            }
            if let description = story.coordinator.describe("g") {
                members = description.members.map { ($0.memberID, $0.instanceID) }
                // A static instance is held by one member at a time.
                let instances = description.members.compactMap(\.instanceID)
                #expect(Set(instances).count == instances.count, "seed \(seed)")
                #expect(description.members.count <= 11, "seed \(seed)")
            }
            #expect(story.answeredTwice.isEmpty, "seed \(seed)")
            #expect(story.committed() ?? 0 == highestCommit, "seed \(seed)")
            // Who leads a generation is told alike to everybody who joined it.
            for (_, answer) in story.joins where answer.error == .none && !answer.members.isEmpty {
                #expect(answer.leaderID == answer.memberID, "seed \(seed)")
            }
        }
        // Nobody comes any more: in the end every parked request is answered and the group is empty.
        story.pass(milliseconds: 1_900_000)
        #expect(story.joinTokens == Set(story.joins.keys), "seed \(seed)")
        #expect(story.syncTokens == Set(story.syncs.keys), "seed \(seed)")
        #expect(story.coordinator.describe("g")?.members.isEmpty ?? true, "seed \(seed)")
        // Replay of the journal gives the same offsets.
        var copy = CommittedOffsets()
        for record in story.journal { copy.apply(record) }
        #expect(Set(copy.records) == Set(story.coordinator.offsets.records), "seed \(seed)")
    }
}
