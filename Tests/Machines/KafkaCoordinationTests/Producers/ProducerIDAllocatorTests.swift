import KafkaCoordination
import Model
import Testing

@Suite struct ProducerIDAllocatorTests {
    /// Takes an id as the broker does; what it reserves goes to `journal`.
    func take(_ allocator: inout ProducerIDAllocator, _ journal: inout [CoordinationRecord]) -> Int64 {
        if let record = allocator.reservation() {
            journal.append(record)
            if case .producerIDsReserved(let end) = record {
                allocator.apply(upTo: end)
                allocator.begin(upTo: end)
            }
        }
        return allocator.take().value
    }

    @Test func `ids are never given twice, not even after a crash`() {
        var journal: [CoordinationRecord] = []
        var seen: Set<Int64> = []
        for run in 0..<4 {
            var allocator = ProducerIDAllocator()
            for case .producerIDsReserved(let end) in journal { allocator.apply(upTo: end) }
            for _ in 0..<(run * 700 + 1) {
                let isNew = seen.insert(take(&allocator, &journal)).inserted
                #expect(isNew)
            }
        }
        #expect(journal.count == 1 + 1 + 2 + 3)
    }

    @Test func `the first id is 0 and a block lasts`() {
        var allocator = ProducerIDAllocator()
        var journal: [CoordinationRecord] = []
        let ids = (0..<1_000).map { _ in take(&allocator, &journal) }
        #expect(ids == Array(0..<1_000))
        #expect(journal == [.producerIDsReserved(upTo: 1_000)])
        #expect(take(&allocator, &journal) == 1_000)
        #expect(journal.count == 2)
    }
}
