import Model
import Storage
import Testing

/// Batches are found by log, offset and time, wherever they lie.
@Suite struct LogStoreTests {
    let disk = MemoryFileSystem()

    @Test func `each batch of each log is found by any offset in it, live and after a start`()
        throws
    {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(1)
        for _ in 0..<400 { try model.append(to: store, &random) }
        try model.check(store)
        store.close()
        let again = try openStore(disk)
        try model.check(again)
        again.close()
    }

    @Test func `a replay from a position hands out what comes behind it, and finds all batches`()
        throws
    {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(2)
        for _ in 0..<200 { try model.append(to: store, &random) }
        let position = store.endPosition
        for _ in 0..<50 { try model.append(to: store, &random) }
        store.close()
        let again = try LogStore(directory: "/data", options: storeOptions(disk))
        var seen = 0
        let report = try again.replay(from: position) { header, payload, place in
            #expect(place >= position)
            seen += 1
        }
        #expect(seen == 50)
        #expect(report.damage.isEmpty)
        try model.check(again)
        again.close()
    }

    @Test func `a start after a clean end reads nothing of the log but its end`() throws {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(3)
        for _ in 0..<300 { try model.append(to: store, &random) }
        let end = store.endPosition
        store.close()
        // Bits that flip where nobody looks are not seen at the start, and are when they are read.
        disk[logPath(1)]![6000] ^= 1
        let again = try LogStore(directory: "/data", options: storeOptions(disk))
        var count = 0
        let report = try again.replay(from: end) { _, _, _ in count += 1 }
        #expect(count == 0)
        #expect(report.frameCount == 0)
        #expect(report.damage.isEmpty)
        for _ in 0..<10 { try model.append(to: again, &random) }
        again.close()
        disk[logPath(1)]![6000] ^= 1
        let third = try openStore(disk)
        try model.check(third)
        third.close()
        // A damaged list is no loss: the log has it all.
        disk["/data/segments/tail"]![300] ^= 1
        let fourth = try openStore(disk)
        try model.check(fourth)
        fourth.close()
    }
}
