import Model
import Storage
import Testing

/// Roll-up of a few logs ahead of the others, also of the file that is being written.
@Suite struct RollUpAheadTests {
    let disk = MemoryFileSystem()

    private func ids(_ logs: UInt32...) -> [LogID] { logs.map { LogID($0) } }

    @Test func `the active parts of some logs become segments, and nothing else changes`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(31)
        for _ in 0..<60 { try model.append(to: store, &random) }
        let part = try #require(store.activePart(of: LogID(2)))
        #expect(part.byteCount == store.byteCount(of: LogID(2)))
        #expect(part.firstAppendTime.nanoseconds == model.logs[2]?.first?.time)
        var isDone = false
        #expect(store.rollUpAhead(ids(2, 4, 99)) { isDone = true })
        #expect(!store.rollUpAhead(ids(3)), "one at a time")
        store.wal.flush()
        store.runAll()
        #expect(isDone && store.endPosition.fileNumber == 1)
        for log in [2, 4] as [UInt32] {
            #expect(store.segments(of: LogID(log)).last?.lastOffset == store.lastOffset(of: LogID(log)))
            #expect(store.activePart(of: LogID(log)) == nil)
        }
        #expect(store.segments(of: LogID(3)).isEmpty && store.activePart(of: LogID(3)) != nil)
        #expect(!store.rollUpAhead(ids(2, 99)), "there is nothing of them")
        try model.check(store)
        for _ in 0..<60 { try model.append(to: store, &random) }
        try model.check(store)
        store.close()
        let again = try openStore(disk)
        try model.check(again)
        // A roll-up of all takes the rest.
        for _ in 0..<400 { try model.append(to: again, &random) }
        again.rollUpAll()
        try model.check(again)
        again.close()
    }

    @Test(arguments: 1...12)
    func `in any order with appends, removals, roll-ups and starts every batch is there once`(seed: UInt64) throws {
        var store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(seed)
        for _ in 0..<60 {
            for _ in 0..<random.next() % 30 { try model.append(to: store, &random) }
            switch random.next() % 6 {
            case 0, 1:
                store.rollUpAhead([LogID(UInt32(1 + random.next() % 5)), LogID(UInt32(1 + random.next() % 5))])
                store.wal.flush()
                // Sometimes the end comes before it is done.
                if random.next() % 3 > 0 { store.runAll() } else { _ = store.runOneStep() }
            case 2: store.rollUpAll()
            case 3:
                let log = UInt32(1 + random.next() % 5)
                if let batch = model.logs[log]?.randomElement(using: &random) { model.deleteBelow(batch.base, of: log, in: store) }
            case 4:
                store.close()
                // Not every end is clean.
                if random.next() % 2 == 0 { disk["/data/segments/tail"] = nil }
                let starts = model.logs.compactMapValues { $0.first?.base }
                store = try openStore(disk)
                for (log, start) in starts { store.deleteBelow(Offset(start), of: LogID(log)) }
            default: store.runAll()
            }
            try model.check(store)
        }
        store.close()
    }

    @Test func `what a rewrite has taken out of such a segment does not come back from the log`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(5)
        for _ in 0..<40 { try model.append(to: store, log: 1, &random) }
        store.rollUpAhead(ids(1))
        store.wal.flush()
        store.runAll()
        let kept = try #require(model.logs[1]?.last)
        store.rewrite(store.segments(of: LogID(1))) { batch, _ in
            batch.baseOffset.value == kept.base ? .keep : .drop
        } whenDone: { result in
            guard case .success = result else { Issue.record("\(result)"); return }
        }
        store.runAll()
        model.logs[1] = [kept]
        try model.check(store)
        for isClean in [true, false] {
            let before = isClean ? store : try openStore(disk)
            before.close()
            if !isClean { disk["/data/segments/tail"] = nil }
            let again = try openStore(disk)
            try model.check(again)
            again.close()
        }
    }

    @Test func `where a batch cannot be read, the log waits for the others`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(6)
        for _ in 0..<40 { try model.append(to: store, &random) }
        store.wal.flush()
        let batch = try #require(try store.batch(of: LogID(2), holding: Offset(0)))
        disk[logPath(1)]![batch.offsetInFile + 56 + 40] ^= 1
        var isDone = false
        #expect(store.rollUpAhead(ids(2, 3)) { isDone = true })
        store.runAll()
        #expect(isDone && store.segments(of: LogID(2)).isEmpty && store.segments(of: LogID(3)).isEmpty)
        #expect(store.activePart(of: LogID(2)) == nil && !store.rollUpAhead(ids(2)))
        #expect(store.lastOffset(of: LogID(2)) != nil)
        // Those that were asked for with it need not.
        #expect(store.rollUpAhead(ids(3)))
        store.runAll()
        #expect(!store.segments(of: LogID(3)).isEmpty)
        // With all others it is told, and left out.
        for _ in 0..<400 { try model.append(to: store, &random) }
        store.rollUpAll()
        #expect(store.takeDamage().contains { $0.frame?.log == LogID(2) })
        #expect(!store.segments(of: LogID(2)).isEmpty)
        for _ in 0..<5 { try model.append(to: store, log: 2, &random) }
        #expect(store.activePart(of: LogID(2)) != nil)
        store.close()
    }
}
