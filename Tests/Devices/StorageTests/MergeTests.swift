import Model
import Platform
import Storage
import Testing

/// Small segments and dead space do not add up without end.
@Suite struct MergeTests {
    let disk = MemoryFileSystem()

    private func segmentFiles() -> [String] { disk.paths.filter { $0.hasSuffix(".seg") } }

    @Test func `many roll-ups of many small logs leave few segments`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(41)
        for _ in 0..<20 {
            for _ in 0..<220 { try model.append(to: store, &random, logCount: 60) }
            store.rollUpAll()
        }
        store.runAll()
        try model.check(store)
        // Without a merge each log would have a segment for each of the roll-ups.
        for log in store.storedLogs { #expect(store.segments(of: log).count < 16) }
        #expect(segmentFiles().count < 80)
        #expect(store.usage.neededSegmentByteCount <= store.usage.segmentByteCount)
        #expect(
            store.usage.segmentByteCount
                == segmentFiles().reduce(0) { $0 + disk[$1]!.count })
        store.close()
        let again = try openStore(disk)
        try model.check(again)
        again.close()
    }

    @Test func `what is left in a file that is mostly dead moves, and the file goes`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(42)
        for _ in 0..<500 { try model.append(to: store, &random, logCount: 40) }
        store.rollUpAll()
        let before = segmentFiles().reduce(0) { $0 + disk[$1]!.count }
        for log in 1...30 { model.delete(UInt32(log), in: store) }
        store.runAll()
        let after = segmentFiles().reduce(0) { $0 + disk[$1]!.count }
        #expect(after < before * 40 / 100)
        try model.check(store)
        store.close()
    }

    @Test func `a merge keeps away from damage`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(43)
        for round in 0..<12 {
            for _ in 0..<220 { try model.append(to: store, &random, logCount: 60) }
            if round == 3 { disk[segmentFiles()[0]]![3000] ^= 1 }
            store.rollUpAll()
        }
        #expect(!segmentFiles().isEmpty)
        var lost = 0
        for (log, batches) in model.logs {
            for batch in batches {
                let found = try #require(
                    try store.batch(of: LogID(log), holding: Offset(batch.base)))
                if found.baseOffset.value != batch.base {
                    lost += 1
                    continue
                }
                if (try? store.read(found, verifying: true)) != batch.bytes { lost += 1 }
            }
        }
        #expect(lost <= 1)
        #expect(store.problems.isEmpty)
        store.close()
    }

    @Test(arguments: [true, false])
    func `segments whose index alone is damaged are merged and have a whole one then`(hasAllBatches: Bool) throws {
        let store = try openStore(disk)
        defer { store.close() }
        var model = Model()
        var random = SeededRandom(45)
        for _ in 0..<500 { try model.append(to: store, &random, logCount: 40) }
        store.rollUpAll()
        // What is left in a file that is mostly dead is what a merge moves.
        let segment = try #require(store.segments(of: LogID(40)).first)
        let path = store.path(of: segment)
        var index = 0
        try store.reader(of: segment)?.forEachBatch { batch, _ in index = batch.offsetInFile + batch.byteCount }
        // The only page of the index, with one of its heads; and the last byte of the batches before it.
        for byte in index..<index + 100 { disk[path]![byte] ^= 0x55 }
        if !hasAllBatches { disk[path]![index - 1] ^= 1 }
        for log in 1...30 { model.delete(UInt32(log), in: store) }
        store.runAll()
        #expect((disk[path] == nil) == hasAllBatches)
        #expect(store.segments(of: LogID(40)).contains(segment) == !hasAllBatches)
        #expect(store.takeDamage().isEmpty == hasAllBatches)
        guard hasAllBatches else { return }
        for batch in model.logs[40]! {
            let found = try #require(try store.batch(of: LogID(40), holding: Offset(batch.base)))
            // Append times are those of the last batch before the damage.
            #expect(found.baseOffset.value == batch.base && found.lastOffset.value == batch.last)
            #expect(try store.read(found, verifying: true) == batch.bytes)
        }
        #expect(try FolderInspection(directory: "/data", fileSystem: disk).verify().isWhole)
    }

    @Test(arguments: 0..<40)
    func `after a crash at any change of a merge everything is there`(seed: UInt64) throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(44)
        for _ in 0..<7 {
            for _ in 0..<200 { try model.append(to: store, &random, logCount: 30) }
            store.rollUpAll()
        }
        for _ in 0..<200 { try model.append(to: store, &random, logCount: 30) }
        store.wal.flush()
        disk.faults.changesUntilDeath = Int(seed * 2)
        store.rollUp()
        store.runAll()
        let crashed = seed % 2 == 0 ? disk.afterKill() : disk.afterPowerLoss(seed: seed)
        disk.faults.changesUntilDeath = nil
        store.close()
        let again = try openStore(crashed)
        try model.check(again)
        again.runAll()
        try model.check(again)
        again.close()
    }
}
