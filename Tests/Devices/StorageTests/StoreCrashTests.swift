import Model
import Platform
import Storage
import Testing

/// A crash between any two changes of the disk loses nothing that was durable, and nothing is taken
/// away before it is sure that it may be.
@Suite struct StoreCrashTests {
    /// What was said to be taken away, and what of the log makes sure that it is remembered.
    private struct Removal {
        var log: UInt32
        /// Nil for the whole log.
        var start: Int64?
        var mark: UInt64
    }

    @Test(arguments: 0..<200)
    func `after a crash at any change every durable batch is there`(seed: UInt64) throws {
        var random = SeededRandom(seed &* 77 &+ 5)
        var disk = MemoryFileSystem()
        // Everything ever appended that may still be there, and what was surely taken away.
        var history = Model()
        var sure: [Removal] = []
        for life in 0..<4 {
            let store = try LogStore(directory: "/data", options: storeOptions(disk))
            let report = try store.replay { _, _, _ in }
            #expect(report.damage.isEmpty, "seed \(seed), life \(life): \(report.damage)")
            for removal in sure {
                Self.say(removal, to: store)
                history.floors[removal.log] = max(
                    history.floors[removal.log] ?? 0, removal.start ?? 0)
            }
            history.forgetWhatIsMissing(in: store)
            var model = history.without(sure.map { ($0.log, $0.start) })
            try model.check(store)

            var marks: [UInt32: [(last: Int64, mark: UInt64)]] = [:]
            var removals: [Removal] = []
            disk.faults.changesUntilDeath = Int(random.next() % (life == 0 ? 900 : 500))
            do {
                for _ in 0..<Int(random.next() % 500) {
                    let log = UInt32(1 + random.next() % 10)
                    if removals.contains(where: { $0.log == log && $0.start == nil })
                        || sure.contains(where: { $0.log == log && $0.start == nil })
                    {
                        continue
                    }
                    let batch = try history.append(to: store, log: log, &random)
                    model.logs[log, default: []].append(batch)
                    marks[log, default: []].append((batch.last, store.wal.appendedMark))
                    switch random.next() % 60 {
                    case 0...8: store.wal.flush()
                    case 9: store.runAll()
                    case 10: store.rollUp()
                    case 11: store.snapshotsCover(upTo: store.endPosition)
                    case 12, 13:
                        let batches = model.logs[log]!
                        let isAll = random.next() % 4 == 0
                        let removal = Removal(
                            log: log, start: isAll ? nil : batches[batches.count / 2].base,
                            mark: store.wal.appendedMark)
                        Self.say(removal, to: store)
                        removals.append(removal)
                        model = model.without([(removal.log, removal.start)])
                    default:
                        store.submit()
                        _ = store.runOneStep()
                    }
                }
                if random.next() % 2 == 0 { try model.check(store) }
            } catch is StorageError {
                // The disk died while something was appended.
            }
            let isKill = random.next() % 3 == 0
            let mark = isKill ? store.wal.writtenMark : store.wal.durableMark
            let durable = store.wal.durableMark
            let crashed = isKill ? disk.afterKill() : disk.afterPowerLoss(seed: random.next())
            disk.faults.changesUntilDeath = nil
            store.close()
            disk = crashed
            sure += removals.filter { $0.mark <= durable }

            // Everything durable has to be there in the next life.
            let check = try openStore(disk.afterKill())
            for removal in sure { Self.say(removal, to: check) }
            let expected = history.without(sure.map { ($0.log, $0.start) })
            for (log, batches) in expected.logs {
                let lost = marks[log]?.first { $0.mark > mark }?.last ?? .max
                var walk = check.batches(of: LogID(log), from: Offset(0))
                for batch in batches where batch.last < lost {
                    let found = try #require(
                        try walk.next(), "seed \(seed), life \(life), log \(log)")
                    #expect(found.baseOffset.value == batch.base, "seed \(seed), life \(life)")
                    #expect(try check.read(found, verifying: true) == batch.bytes)
                }
            }
            check.close()
        }
    }

    private static func say(_ removal: Removal, to store: LogStore) {
        if let start = removal.start {
            store.deleteBelow(Offset(start), of: LogID(removal.log))
        } else {
            store.deleteLog(LogID(removal.log))
        }
    }
}
