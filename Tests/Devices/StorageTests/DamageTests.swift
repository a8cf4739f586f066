import Glibc
import Model
import Platform
import Storage
import Testing

/// Bits flip, files go missing, disks are full: what is lost is told, and nothing else is.
@Suite struct DamageTests {
    let disk = MemoryFileSystem()

    /// Some batches in one own segment file and in a shared one.
    private func rolledUp(_ count: Int, logCount: UInt64 = 2) throws -> Model {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(31)
        for _ in 0..<count { try model.append(to: store, &random, logCount: logCount) }
        store.rollUpAll()
        store.close()
        return model
    }

    /// What of the model can still be read.
    private func readable(_ model: Model, _ store: LogStore) throws -> [UInt32: [Int64]] {
        var found: [UInt32: [Int64]] = [:]
        for (log, batches) in model.logs {
            let bytes = Dictionary(uniqueKeysWithValues: batches.map { ($0.base, $0.bytes) })
            var walk = store.batches(of: LogID(log), from: Offset(0))
            while let batch = try walk.next() {
                guard let read = try? store.read(batch, verifying: true) else { continue }
                #expect(read == bytes[batch.baseOffset.value])
                found[log, default: []].append(batch.baseOffset.value)
            }
        }
        return found
    }

    @Test func `a flipped bit anywhere in a segment file costs one batch at most, and is told`()
        throws
    {
        let model = try rolledUp(330, logCount: 4)
        let path = try #require(disk.paths.last { $0.hasSuffix(".seg") })
        let whole = disk[path]!
        let all = model.logs.mapValues { $0.map(\.base) }
        let count = all.values.reduce(0) { $0 + $1.count }
        for byte in stride(from: 0, to: whole.count, by: 37) {
            var damaged = whole
            damaged[byte] ^= 1 << (byte % 8)
            let copy = disk.afterKill()
            copy[path] = damaged
            let store = try openStore(copy)
            let found = try readable(model, store)
            let left = found.values.reduce(0) { $0 + $1.count }
            #expect(left >= count - 1, "byte \(byte)")
            if left < count {
                let told = store.takeDamage()
                #expect(told.contains { $0.path == path && $0.reason == .payload }, "byte \(byte)")
                #expect(told.allSatisfy { $0.frame != nil })
            }
            store.close()
            let verification = try FolderInspection(directory: "/data", fileSystem: copy).verify()
            #expect(!verification.isWhole, "byte \(byte) of \(whole.count)")
            #expect(copy[path] == damaged)
        }
    }

    @Test func `a damaged manifest is made again from the segment files`() throws {
        let model = try rolledUp(500)
        let path = "/data/segments/manifest"
        let whole = disk[path]!
        for byte in stride(from: 0, to: whole.count, by: 11) {
            let copy = disk.afterKill()
            copy[path] = whole
            copy[path]![byte] ^= 0x10
            let store = try LogStore(directory: "/data", options: storeOptions(copy))
            let report = try store.replay { _, _, _ in }
            #expect(report.damage.map(\.reason) == [.manifest], "byte \(byte)")
            try model.check(store)
            store.close()
        }
        let copy = disk.afterKill()
        copy[path] = nil
        copy[logPath(1)] = nil
        let store = try LogStore(directory: "/data", options: storeOptions(copy))
        let report = try store.replay { _, _, _ in }
        #expect(report.damage.contains { $0.reason == .manifest })
        try model.check(store)
        store.close()
    }

    @Test func `where the log ended when a manifest was made again is known from then on`() throws {
        let model = try rolledUp(500)
        for isMissing in [false, true] {
            let copy = disk.afterKill()
            if isMissing {
                copy["/data/segments/manifest"] = nil
            } else {
                copy["/data/segments/manifest"]![100] ^= 1
            }
            // Without a snapshot there is nothing that would not hold any more.
            let first = try LogStore(directory: "/data", options: storeOptions(copy))
            #expect(first.manifestRemadeAt == nil)
            _ = try first.replay { _, _, _ in }
            #expect(first.manifestRemadeAt == nil)
            first.close()
            let second = try LogStore(directory: "/data", options: storeOptions(copy))
            _ = try second.replay(from: .first) { _, _, _ in }
            let end = second.endPosition
            #expect(second.manifestRemadeAt == end)
            // More in the log, and a manifest that is whole.
            let header = FrameHeader(
                kind: .control, log: LogID(99), baseOffset: Offset(0), lastOffset: Offset(0),
                appendTime: Timestamp(nanoseconds: 1))
            while second.endPosition.fileNumber == end.fileNumber {
                try second.append(header, [UInt8](repeating: 7, count: 9_000))
            }
            second.rollUpAll()
            try model.check(second)
            second.close()
            for _ in 0..<2 {
                let third = try LogStore(directory: "/data", options: storeOptions(copy))
                let report = try third.replay(from: .first) { _, _, _ in }
                #expect(report.damage.isEmpty)
                #expect(third.manifestRemadeAt == end)
                try model.check(third)
                third.close()
            }
        }
        let whole = try openStore(disk.afterKill())
        #expect(whole.manifestRemadeAt == nil)
        whole.close()
    }

    @Test func `files of a roll-up that was not finished hide nothing from a manifest that is made again`()
        throws
    {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(35)
        for _ in 0..<400 { try model.append(to: store, &random) }
        store.rollUpAll()
        store.snapshotsCover(upTo: store.endPosition)
        store.runAll()
        #expect(disk[logPath(1)] == nil)
        let finished = disk.paths.filter { $0.hasSuffix(".seg") }
        for _ in 0..<600 { try model.append(to: store, &random) }
        // Writes what the log's end has, as of before the next roll-up.
        store.close()
        let unfinished = try openStore(disk)
        unfinished.rollUpAll()
        let files = disk.paths.filter { $0.hasSuffix(".seg") && !finished.contains($0) }
        #expect(files.count > 2)
        for path in files {
            let copy = disk.afterKill()
            copy[path] = nil
            copy["/data/segments/manifest"]![100] ^= 1
            let inspected = try FolderInspection(directory: "/data", fileSystem: copy).verify()
            // Files of the log were given up here, and nobody takes snapshots.
            #expect(inspected.damage.map(\.reason) == [.manifest, .missingSnapshots])
            for start in 1...2 {
                let store = try LogStore(directory: "/data", options: storeOptions(copy))
                let report = try store.replay { _, _, _ in }
                #expect(report.damage.map(\.reason) == [.manifest], "start \(start)")
                try model.check(store)
                store.close()
            }
            let store = try LogStore(directory: "/data", options: storeOptions(copy))
            _ = try store.replay { _, _, _ in }
            store.rollUp()
            store.runAll()
            let killed = try openStore(copy.afterKill())
            try model.check(killed)
            killed.close()
            store.close()
        }
        unfinished.close()
    }

    @Test func `a manifest that is made again loses nothing to damage of another log in the write-ahead log`()
        throws
    {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(36)
        var position = WALPosition.first
        for round in 0..<4 {
            for _ in 0..<100 { try model.append(to: store, log: 1, &random) }
            if round == 1 {
                let head = FrameHeader(
                    kind: .batch, log: LogID(2), baseOffset: Offset(0), lastOffset: Offset(0),
                    appendTime: Timestamp(nanoseconds: 1))
                let batch = Model.batch(base: 0, last: 0, timestamp: 1, records: [1, 2, 3])
                position = try store.append(head, batch)
            }
            store.wal.flush()
            // Segments of which the write-ahead log has the batches, too.
            store.rollUpAhead([LogID(1)])
            store.runAll()
        }
        #expect(store.segments(of: LogID(1)).count >= 4)
        let copy = disk.afterKill()
        store.close()
        copy["/data/segments/manifest"]![100] ^= 1
        copy[logPath(Int(position.fileNumber))]![position.offset + 70] ^= 1
        for _ in 0..<3 {
            let again = try LogStore(directory: "/data", options: storeOptions(copy))
            let report = try again.replay { _, _, _ in }
            #expect(report.damage.contains { $0.reason == .payload && $0.frame?.log == LogID(2) })
            try model.check(again)
            again.rollUpAll()
            try model.check(again)
            again.close()
        }
    }

    @Test func `a missing segment file is told, and everything else is read`() throws {
        let model = try rolledUp(900)
        let path = try #require(disk.paths.first { $0.hasSuffix(".seg") })
        disk[path] = nil
        let store = try LogStore(directory: "/data", options: storeOptions(disk))
        let report = try store.replay { _, _, _ in }
        #expect(report.damage.map(\.path) == [path])
        let found = try readable(model, store)
        for (log, batches) in model.logs {
            let kept = store.segments(of: LogID(log)).filter { store.path(of: $0) != path }
            let lost = store.segments(of: LogID(log)).filter { store.path(of: $0) == path }
            #expect(!kept.isEmpty)
            let expected = batches.filter { batch in
                !lost.contains {
                    $0.baseOffset.value <= batch.base && batch.last <= $0.lastOffset.value
                }
            }
            #expect(found[log] == expected.map(\.base))
        }
        store.close()
    }

    @Test(arguments: [false, true])
    func `a batch that is damaged before it is rolled up is told at every start, and its file kept`(
        besideAnother: Bool
    ) throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(32)
        for _ in 0..<400 { try model.append(to: store, &random) }
        store.wal.flush()
        disk[logPath(1)]![9000] ^= 1
        let damaged = disk[logPath(1)]!
        let another: [UInt8] = [1, 2, 3]
        if besideAnother { disk[logPath(1) + ".damaged"] = another }
        store.rollUpAll()
        #expect(store.takeDamage().count == 1)
        store.snapshotsCover(upTo: store.endPosition)
        store.runAll()
        #expect(disk[logPath(1)] == nil)
        if besideAnother {
            #expect(disk[logPath(1) + ".damaged"] == another)
            #expect(disk[logPath(1) + ".2.damaged"] == damaged)
        } else {
            #expect(disk[logPath(1) + ".damaged"] == damaged)
        }
        store.close()
        for _ in 0..<2 {
            let again = try LogStore(directory: "/data", options: storeOptions(disk))
            let report = try again.replay { _, _, _ in }
            #expect(report.damage.map(\.path) == [logPath(1) + ".damaged"])
            #expect(report.damage[0].frame?.kind == .batch)
            let found = try readable(model, again).values.reduce(0) { $0 + $1.count }
            #expect(found == 399)
            again.close()
        }
    }

    @Test(arguments: ["emptied", "removed", "short"], [false, true])
    func `what is appended after the end of the log was lost comes behind what snapshots hold`(
        fault: String, isRolledUp: Bool
    ) throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(34)
        for _ in 0..<400 { try model.append(to: store, &random) }
        if isRolledUp { store.rollUpAll() }
        let held = store.endPosition
        store.close()
        let path = logPath(Int(held.fileNumber))
        let whole = try #require(disk[path])
        switch fault {
        case "emptied": disk[path] = Array(whole[..<4096]) + [UInt8](repeating: 0, count: whole.count - 4096)
        case "removed": try disk.remove(path)
        default: disk[path] = Array(whole[..<(4096 + (held.offset - 4096) / 2)])
        }
        var expected: [Offset] = []
        for round in 0..<3 {
            let again = try LogStore(directory: "/data", options: storeOptions(disk))
            var found: [Offset] = []
            let report = try again.replay(from: held, held: held) { header, _, _ in
                if header.log == LogID(99) { found.append(header.baseOffset) }
            }
            #expect(found == expected)
            if round == 0, fault != "short" { #expect(!report.damage.isEmpty) }
            #expect(again.endPosition >= held)
            let one = header(Int64(round), kind: .control, log: 99)
            try again.append(one, payload(round, byteCount: 200).span.bytes)
            expected.append(one.baseOffset)
            again.close()
        }
    }

    @Test(arguments: ["write", "sync", "create", "rename", "space", "remove"])
    func `roll-up and deletion that fail are tried again, and reading and appending go on`(
        fault: String
    ) throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(33)
        for _ in 0..<500 { try model.append(to: store, &random) }
        store.wal.flush()
        disk.faults.pathPart = "/segments"
        switch fault {
        case "write": disk.faults.writeErrno = EIO
        case "sync": disk.faults.syncErrno = EIO
        case "rename": disk.faults.renameErrno = EIO
        case "create": disk.faults.createErrno = EROFS
        case "remove": disk.faults.removeErrno = EROFS
        default: disk.faults.freeByteCount = 200_000
        }
        store.rollUp()
        store.runAll()
        if fault != "remove" {
            #expect(!store.problems.isEmpty)
            #expect(store.segments(of: LogID(1)).isEmpty)
        }
        try model.check(store)
        if fault != "space" {
            for _ in 0..<20 { try model.append(to: store, &random) }
        }
        let crashed = disk.afterKill()
        disk.faults = .init()
        store.runAll()
        #expect(store.problems.isEmpty)
        #expect(!store.segments(of: LogID(1)).isEmpty)
        try model.check(store)
        model.delete(2, in: store)
        store.wal.flush()
        disk.faults.pathPart = "/segments"
        disk.faults.removeErrno = EIO
        store.runAll()
        #expect(!store.problems.isEmpty || !disk.paths.contains { $0.hasSuffix(".seg") })
        disk.faults = .init()
        store.runAll()
        try model.check(store)
        #expect(store.problems.isEmpty)
        store.close()
        let again = try openStore(crashed)
        again.close()
    }

    @Test func `a verification of a whole folder finds everything and no damage`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(34)
        for _ in 0..<700 { try model.append(to: store, &random) }
        store.rollUpAll()
        for _ in 0..<10 { try model.append(to: store, &random) }
        store.wal.flush()
        let inspection = try FolderInspection(directory: "/data", fileSystem: disk)
        let before = disk.changeCount
        let found = try inspection.verify()
        #expect(found.isWhole)
        #expect(found.frameCount == 710)
        #expect(found.batchCount > 600)
        #expect(disk.changeCount == before)
        store.close()
    }

    @Test func `on a full disk a deletion finds the room that it needs to give room back`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(35)
        for _ in 0..<900 { try model.append(to: store, &random) }
        store.rollUpAll()
        store.snapshotsCover(upTo: store.endPosition)
        store.runAll()
        #expect(store.usage.pooledFileCount > 0)
        disk.faults.freeByteCount = 0
        let before = store.usage.segmentByteCount
        for log in 1...4 { model.delete(UInt32(log), in: store) }
        store.runAll()
        store.runAll()
        #expect(store.problems.isEmpty)
        #expect(store.usage.segmentByteCount < before / 2)
        try model.check(store)
        disk.faults = .init()
        store.close()
    }
}
