import Bytes
import Glibc
import Model
import Platform
import Storage
import Testing

/// Compaction's part of storage: a segment is written anew without some of its batches.
@Suite struct RewriteTests {
    let disk = MemoryFileSystem()

    @Test func `batches are dropped and replaced, offsets stay, and space comes back`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(21)
        for _ in 0..<900 { try model.append(to: store, &random, logCount: 2) }
        store.rollUpAll()
        let before = disk.paths.filter { $0.hasSuffix(".seg") }.reduce(0) { $0 + disk[$1]!.count }
        let last = store.lastOffset(of: LogID(1))
        var freed = 0
        for segment in store.segments(of: LogID(1)) {
            store.rewrite([segment]) { batch, bytes in
                switch batch.baseOffset.value % 3 {
                case 0: return .drop
                case 1: return .replace(Self.shorter(batch))
                default: return .keep
                }
            } whenDone: { result in
                guard case .success(let outcome) = result else {
                    Issue.record("\(result)")
                    return
                }
                freed += outcome.freedByteCount
                #expect(outcome.segments.first?.baseOffset == segment.baseOffset)
                #expect(outcome.segments.first?.lastOffset == segment.lastOffset)
            }
        }
        let rewritten = store.segments(of: LogID(1)).last!.lastOffset.value
        store.runAll()
        model.logs[1] = model.logs[1]!.compactMap { batch in
            if batch.last > rewritten { return batch }
            switch batch.base % 3 {
            case 0: return nil
            case 1:
                var shorter = batch
                shorter.bytes = Model.batch(
                    base: batch.base, last: batch.last, timestamp: batch.timestamp, records: [7])
                return shorter
            default: return batch
            }
        }
        try model.check(store)
        #expect(store.lastOffset(of: LogID(1)) == last)
        let after = disk.paths.filter { $0.hasSuffix(".seg") }.reduce(0) { $0 + disk[$1]!.count }
        #expect(freed > 0 && before - after > freed * 9 / 10)
        store.close()
        let again = try openStore(disk)
        try model.check(again)
        again.close()
    }

    private static func shorter(_ batch: StoredBatch) -> [UInt8] {
        Model.batch(
            base: batch.baseOffset.value, last: batch.lastOffset.value,
            timestamp: batch.maxTimestampMilliseconds, records: [7])
    }

    @Test func `where all is kept nothing changes, and where all goes the segment goes`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(22)
        for _ in 0..<300 { try model.append(to: store, &random, logCount: 1) }
        store.rollUpAll()
        let segments = store.segments(of: LogID(1))
        let paths = disk.paths
        var told: [RewriteOutcome] = []
        store.rewrite([segments[0]]) { _, _ in .keep } whenDone: {
            if case .success(let outcome) = $0 { told.append(outcome) }
        }
        store.runAll()
        #expect(told.map(\.segments) == [[segments[0]]])
        #expect(disk.paths == paths)
        store.rewrite([segments[0]]) { _, _ in .drop } whenDone: {
            if case .success(let outcome) = $0 { told.append(outcome) }
        }
        store.runAll()
        #expect(told.map(\.segments) == [[segments[0]], []])
        let end = segments[0].lastOffset.value
        model.logs[1]!.removeAll { $0.last <= end }
        try model.check(store)
        #expect(disk.paths.count == paths.count - 1)
        store.close()
    }

    @Test func `a segment that is deleted meanwhile is not written again`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(23)
        for _ in 0..<300 { try model.append(to: store, &random, logCount: 1) }
        store.rollUpAll()
        var told: [Result<RewriteOutcome, StorageError>] = []
        let segment = store.segments(of: LogID(1))[0]
        store.rewrite([segment]) { _, _ in .drop } whenDone: { told.append($0) }
        model.delete(1, in: store)
        store.runAll()
        #expect(told.count == 1)
        #expect(!disk.paths.contains { $0.hasSuffix(".seg") })
        store.close()
    }

    @Test func `a segment with a damaged batch stays as it is`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(24)
        for _ in 0..<300 { try model.append(to: store, &random, logCount: 1) }
        store.rollUpAll()
        let path = try #require(disk.paths.first { $0.hasSuffix(".seg") })
        disk[path]![500] ^= 4
        let before = disk[path]
        var told: [Result<RewriteOutcome, StorageError>] = []
        store.rewrite([store.segments(of: LogID(1))[0]]) { _, _ in .drop } whenDone: {
            told.append($0)
        }
        store.runAll()
        guard case .failure(.damaged(path, _)) = told.first else {
            Issue.record("\(told)")
            return
        }
        #expect(disk[path] == before)
        store.close()
    }

    @Test(arguments: [true, false])
    func `a segment whose index alone is damaged is written anew with a whole one`(hasAllBatches: Bool) throws {
        let store = try openStore(disk)
        defer { store.close() }
        var model = Model()
        var random = SeededRandom(26)
        for _ in 0..<300 { try model.append(to: store, log: 1, &random) }
        store.rollUpAll()
        let segment = store.segments(of: LogID(1))[0]
        let path = store.path(of: segment)
        // The first page of the index, both its heads; and with it the last byte of the batches before it.
        let index = 64 + segment.byteCount
        for byte in index..<index + 60 { disk[path]![byte] = 0x55 }
        if !hasAllBatches { disk[path]![index - 1] ^= 1 }
        let damaged = disk[path]
        func verify() throws -> Bool { try FolderInspection(directory: "/data", fileSystem: disk).verify().isWhole }
        #expect(try !verify())
        var told: [Result<RewriteOutcome, StorageError>] = []
        store.rewrite([segment]) { batch, _ in batch.baseOffset.value % 3 == 0 ? .drop : .keep } whenDone: { told.append($0) }
        store.runAll()
        guard hasAllBatches else {
            #expect(throws: StorageError.self) { try told.first?.get() }
            #expect(disk[path] == damaged)
            return
        }
        let outcome = try #require(try told.first?.get())
        #expect(outcome.freedByteCount > 0)
        let kept = model.logs[1]!.filter { $0.last <= segment.lastOffset.value && $0.base % 3 != 0 }
        var found: [Int64] = []
        try store.reader(of: try #require(outcome.segments.first))?.forEachBatch { batch, bytes in
            found.append(batch.baseOffset.value)
            #expect(Array(copying: bytes) == kept.first { $0.base == batch.baseOffset.value }?.bytes)
        }
        #expect(found == kept.map(\.base))
        #expect(try verify())
        #expect(store.takeDamage().isEmpty)
    }

    @Test(arguments: 0..<80)
    func `after a crash at any change there is the old segment or the new one`(
        seed: UInt64
    ) throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(25)
        for _ in 0..<250 { try model.append(to: store, &random, logCount: 1) }
        store.rollUpAll()
        let segments = store.segments(of: LogID(1))
        disk.faults.changesUntilDeath = Int(seed % 40)
        for segment in segments {
            store.rewrite([segment]) { batch, _ in
                batch.baseOffset.value % 2 == 0 ? .drop : .keep
            } whenDone: { _ in
            }
        }
        store.runAll()
        let crashed = seed % 3 == 0 ? disk.afterKill() : disk.afterPowerLoss(seed: seed)
        disk.faults.changesUntilDeath = nil
        store.close()
        let again = try openStore(crashed)
        defer { again.close() }
        for segment in segments {
            let all = model.logs[1]!.filter {
                $0.base >= segment.baseOffset.value && $0.last <= segment.lastOffset.value
            }
            var found: [Int64] = []
            var walk = again.batches(of: LogID(1), from: segment.baseOffset)
            while let batch = try walk.next(), batch.lastOffset <= segment.lastOffset {
                found.append(batch.baseOffset.value)
                #expect(
                    try again.read(batch, verifying: true)
                        == all.first { $0.base == batch.baseOffset.value }?.bytes)
            }
            let kept = all.filter { $0.base % 2 != 0 }
            #expect(found == all.map(\.base) || found == kept.map(\.base), "seed \(seed)")
        }
    }
}
