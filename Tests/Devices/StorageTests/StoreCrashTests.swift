import Model
import Platform
import Storage
import Testing

/// A crash between any two changes of the disk loses nothing that was durable, and what was deleted
/// for good does not disturb.
@Suite struct StoreCrashTests {
    @Test(arguments: 0..<150)
    func `after a crash at any change every durable batch is there`(seed: UInt64) throws {
        var random = SeededRandom(seed &* 77 &+ 5)
        var disk = MemoryFileSystem()
        var model = Model()
        var starts: [UInt32: Int64] = [:]
        var deleted: Set<UInt32> = []
        for life in 0..<4 {
            let store = try LogStore(directory: "/data", options: storeOptions(disk))
            let report = try store.replay { _, _, _ in }
            #expect(report.damage.isEmpty, "seed \(seed), life \(life): \(report.damage)")
            // What the machines would say again, and what was lost because it was not durable.
            for log in deleted { store.deleteLog(LogID(log)) }
            for (log, start) in starts { store.deleteBelow(Offset(start), of: LogID(log)) }
            model.forgetWhatIsMissing(in: store)
            try model.check(store)
            var durable = model
            disk.faults.changesUntilDeath = Int(random.next() % (life == 0 ? 900 : 500))
            do {
                for _ in 0..<Int(random.next() % 500) {
                    try model.append(to: store, &random, logCount: 8)
                    switch random.next() % 60 {
                    case 0...8:
                        if store.wal.flush() { durable = model }
                    case 9: store.runAll()
                    case 10: store.rollUp()
                    case 11:
                        store.snapshotsCover(upTo: store.endPosition)
                    case 12:
                        let log = UInt32(1 + random.next() % 8)
                        guard let batches = model.logs[log], !batches.isEmpty else { continue }
                        let start = batches[batches.count / 2].base
                        model.deleteBelow(start, of: log, in: store)
                        durable.forget(below: start, of: log)
                        starts[log] = start
                    case 13:
                        let log = UInt32(9 + random.next() % 2)
                        if deleted.contains(log) { continue }
                        try model.append(to: store, log: log, &random)
                        if random.next() % 2 == 0 {
                            store.wal.flush()
                            store.rollUp()
                            model.delete(log, in: store)
                            durable.logs[log] = nil
                            deleted.insert(log)
                        }
                    default: _ = store.runOneStep()
                    }
                }
            } catch is StorageError {
                // The disk died while something was appended.
            }
            let crashed =
                random.next() % 3 == 0
                ? disk.afterKill() : disk.afterPowerLoss(seed: random.next())
            disk.faults.changesUntilDeath = nil
            store.close()
            disk = crashed
            // Everything durable has to be there in the next life.
            let check = try openStore(disk.afterKill())
            for (log, start) in starts { check.deleteBelow(Offset(start), of: LogID(log)) }
            for (log, batches) in durable.logs {
                var walk = check.batches(of: LogID(log), from: Offset(0))
                for batch in batches {
                    let found = try #require(
                        try walk.next(), "seed \(seed), life \(life), log \(log)")
                    #expect(found.baseOffset.value == batch.base)
                    #expect(try check.read(found, verifying: true) == batch.bytes)
                }
            }
            check.close()
        }
    }
}
