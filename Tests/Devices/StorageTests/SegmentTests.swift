import Glibc
import Model
import Platform
import Storage
import Testing

/// docs/formats/segment.md and manifest.md: what is in segments is found and read as before.
@Suite struct SegmentTests {
    let disk = MemoryFileSystem()

    @Test(arguments: [1, 3, 40])
    func `batches are the same before and after they are rolled up, and after a start`(
        logCount: UInt64
    ) throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(logCount)
        for round in 0..<6 {
            for _ in 0..<150 { try model.append(to: store, &random, logCount: logCount) }
            store.wal.flush()
            if round % 2 == 1 { store.runAll() }
            try model.check(store)
        }
        store.rollUpAll()
        #expect(disk.paths.contains { $0.hasSuffix(".seg") })
        try model.check(store)
        store.close()
        let again = try openStore(disk)
        try model.check(again)
        again.close()
    }

    @Test func `small logs share files, and a large one has its own`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(4)
        for _ in 0..<800 { try model.append(to: store, &random, logCount: 300) }
        store.rollUpAll()
        let shared = disk.paths.count { $0.hasSuffix(".seg") }
        #expect(shared <= 4)
        for _ in 0..<800 { try model.append(to: store, &random, logCount: 1) }
        store.rollUpAll()
        #expect(disk.paths.count { $0.hasSuffix(".seg") } > shared + 4)
        try model.check(store)
        store.close()
    }

    @Test func `files that snapshots cover are used again, and a replay misses nothing`() throws {
        var store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(9)
        var covered = store.endPosition
        for _ in 0..<5 {
            for _ in 0..<400 { try model.append(to: store, &random) }
            store.rollUpAll()
            covered = store.endPosition
            store.snapshotsCover(upTo: covered)
            store.runAll()
            try model.check(store)
            store.close()
            store = try LogStore(directory: "/data", options: storeOptions(disk))
            var behind = 0
            let report = try store.replay(from: covered) { _, _, position in
                #expect(position >= covered)
                behind += 1
            }
            #expect(report.damage.isEmpty)
            #expect(behind == 0)
            try model.check(store)
        }
        let logs = disk.paths.filter { $0.hasSuffix(".wal") }
        let free = disk.paths.filter { $0.hasSuffix(".free") }
        #expect(logs.count <= 3)
        #expect(!free.isEmpty && free.count <= 4)
        #expect(disk[logPath(1)] == nil)
        store.close()
    }

    @Test func `a replay that asks for frames that are gone says so`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(10)
        let start = store.endPosition
        for _ in 0..<600 { try model.append(to: store, &random) }
        store.rollUpAll()
        store.snapshotsCover(upTo: store.endPosition)
        store.runAll()
        store.close()
        let again = try LogStore(directory: "/data", options: storeOptions(disk))
        let report = try again.replay(from: start) { _, _, _ in }
        #expect(report.damage.count == 1)
        guard case .missingFiles = report.damage.first?.reason else {
            Issue.record("\(report.damage)")
            return
        }
        try model.check(again)
        again.close()
    }

    @Test func `what is deleted before the roll-up is not written again`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(11)
        for _ in 0..<500 { try model.append(to: store, &random, logCount: 3) }
        store.wal.flush()
        model.delete(1, in: store)
        model.delete(2, in: store)
        let end = model.logs[3]!.last!.last
        model.deleteBelow(end - 20, of: 3, in: store)
        let written = disk.writtenByteCount
        store.rollUpAll()
        #expect(disk.writtenByteCount - written < 20_000)
        try model.check(store)
        #expect(store.storedLogs == [LogID(3)])
        store.close()
    }

    @Test func `space of deleted segments and logs comes back`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(12)
        for _ in 0..<2000 { try model.append(to: store, &random, logCount: 2) }
        store.rollUpAll()
        func stored() -> Int {
            disk.paths.filter { $0.hasSuffix(".seg") }.reduce(0) { $0 + disk[$1]!.count }
        }
        let before = stored()
        let middle = model.logs[1]![model.logs[1]!.count / 2].base
        model.deleteBelow(middle, of: 1, in: store)
        store.runAll()
        try model.check(store)
        let half = stored()
        #expect(half < before * 85 / 100)
        model.delete(2, in: store)
        store.runAll()
        #expect(stored() < half * 60 / 100)
        try model.check(store)
        store.close()
        let again = try openStore(disk)
        again.deleteBelow(Offset(middle), of: LogID(1))
        try model.check(again)
        again.close()
    }

    @Test func `a run lies end to end in its file and can be read after the segment is deleted`()
        throws
    {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(13)
        for _ in 0..<900 { try model.append(to: store, &random, logCount: 2) }
        store.rollUpAll()
        var runs: [(BatchRun, [UInt8])] = []
        var next = Offset(0)
        let end = Offset(model.logs[1]![600 / 2].base)
        while let run = try store.run(
            of: LogID(1), from: next, below: end, byteLimit: 5000, atLeastOne: true)
        {
            let batches = model.logs[1]!.filter {
                $0.last >= run.baseOffset.value && $0.last < run.nextOffset.value
            }
            #expect(batches.count == run.batchCount)
            #expect(run.region.byteCount <= 5000 || run.batchCount == 1)
            runs.append((run, batches.flatMap(\.bytes)))
            next = run.nextOffset
        }
        #expect(runs.count > 10)
        #expect(next <= end)
        model.delete(1, in: store)
        store.runAll()
        for (run, bytes) in runs {
            let found = try run.region.file.read(
                at: run.region.offset, byteCount: run.region.byteCount)
            #expect(found == bytes)
        }
        store.close()
    }

    @Test(arguments: [200, 1000, 5000])
    func `a batch that is larger than the limit is not passed over`(limit: Int) throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(21)
        for _ in 0..<900 { try model.append(to: store, &random, logCount: 1) }
        store.rollUpAll()
        let segments = store.segments(of: LogID(1))
        #expect(segments.count > 3)
        let end = try #require(segments.last?.lastOffset).advanced(by: 1)
        var tooLarge = 0
        for batch in model.logs[1]! where Offset(batch.last) < end {
            let run = try store.run(
                of: LogID(1), from: Offset(batch.base), below: end, byteLimit: limit, atLeastOne: false)
            if let run {
                #expect(run.baseOffset == Offset(batch.base))
                #expect(run.region.byteCount <= limit)
            } else {
                #expect(batch.bytes.count > limit)
                tooLarge += 1
            }
        }
        #expect(tooLarge > 5)
        store.close()
    }

    @Test func `what is in the write-ahead log alone is in no run`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(15)
        for _ in 0..<50 { try model.append(to: store, &random, logCount: 1) }
        store.wal.flush()
        let end = Offset(model.logs[1]!.last!.last + 1)
        #expect(try store.run(of: LogID(1), from: Offset(0), below: end, byteLimit: 1 << 20, atLeastOne: true) == nil)
        for _ in 0..<900 { try model.append(to: store, &random, logCount: 1) }
        store.rollUpAll()
        #expect(try store.run(of: LogID(1), from: Offset(0), below: end, byteLimit: 1 << 20, atLeastOne: true) != nil)
        #expect(try store.run(of: LogID(1), from: Offset(0), below: Offset(0), byteLimit: 1, atLeastOne: true) == nil)
        #expect(try store.run(of: LogID(1), from: Offset(0), below: end, byteLimit: 1, atLeastOne: false) == nil)
        #expect(try store.run(of: LogID(2), from: Offset(0), below: end, byteLimit: 1, atLeastOne: true) == nil)
        store.close()
    }

    @Test func `a run ends before what its file has lost, and that is told`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(16)
        for _ in 0..<900 { try model.append(to: store, &random, logCount: 1) }
        store.rollUpAll()
        let segment = try #require(store.segments(of: LogID(1)).first)
        let offset = segment.baseOffset
        let run = try #require(
            try store.run(of: LogID(1), from: offset, below: Offset(.max), byteLimit: 1 << 20, atLeastOne: true))
        #expect(run.batchCount > 1)
        try run.region.file.truncate(byteCount: run.region.offset + run.region.byteCount - 1)
        let rest = try #require(
            try store.run(of: LogID(1), from: offset, below: Offset(.max), byteLimit: 1 << 20, atLeastOne: true))
        #expect(rest.batchCount < run.batchCount)
        #expect(rest.region.offset + rest.region.byteCount <= (try rest.region.file.byteCount()))
        #expect(!store.takeDamage().isEmpty)
        store.close()
    }

    @Test func `a batch that was found before it moved is read where it is now`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(14)
        for _ in 0..<300 { try model.append(to: store, &random) }
        store.wal.flush()
        var found: [(StoredBatch, [UInt8])] = []
        for (log, batches) in model.logs {
            for batch in batches {
                let place = try #require(
                    try store.batch(of: LogID(log), holding: Offset(batch.base)))
                found.append((place, batch.bytes))
            }
        }
        store.rollUpAll()
        store.snapshotsCover(upTo: store.endPosition)
        store.runAll()
        for (batch, bytes) in found { #expect(try store.read(batch) == bytes) }
        model.delete(1, in: store)
        store.runAll()
        for (batch, _) in found where batch.log == LogID(1) {
            #expect(throws: StorageError.self) { try store.read(batch) }
        }
        store.close()
    }
}
