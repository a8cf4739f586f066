import Bytes
import Model
import Storage
import Testing

/// The index of transactions: who asks for aborted ones gets those of his offsets, wherever they lie.
@Suite struct TransactionTests {
    let disk = MemoryFileSystem()
    static let log = LogID(1)

    /// What was written, kept apart.
    private struct Transactions {
        struct Done {
            var producerID: Int64
            var offsets: [Int64]
            var isAborted: Bool
        }

        var next: Int64 = 0
        var done: [Done] = []
        var open: [Int64: [Int64]] = [:]

        private mutating func append(
            _ store: LogStore, attributes: Int16, producerID: Int64, count: Int64, records: [UInt8]
        ) throws -> Int64 {
            let last = next + count - 1
            var rest = ByteWriter()
            rest.int(attributes)
            rest.int(Int32(count - 1))
            rest.int(next)
            rest.int(next)
            rest.int(producerID)
            rest.int(Int16(0))
            rest.int(Int32(0))
            rest.int(Int32(count))
            rest.append(records)
            var batch = ByteWriter()
            batch.int(next)
            batch.int(Int32(9 + rest.count))
            batch.int(Int32(0))
            batch.int(UInt8(2))
            batch.int(crc32c(rest.bytes.span.bytes))
            batch.append(rest.bytes)
            try store.append(
                FrameHeader(
                    kind: .batch, log: TransactionTests.log, baseOffset: Offset(next),
                    lastOffset: Offset(last), appendTime: Timestamp(nanoseconds: next + 1)),
                batch.bytes)
            defer { next = last + 1 }
            return next
        }

        mutating func appendPlain(_ store: LogStore, byteCount: Int) throws {
            _ = try append(
                store, attributes: 0, producerID: -1, count: 3,
                records: payload(Int(next), byteCount: byteCount))
        }

        mutating func appendData(_ store: LogStore, of producerID: Int64, byteCount: Int) throws {
            let offset = try append(
                store, attributes: 1 << 4, producerID: producerID, count: 2,
                records: payload(Int(next), byteCount: byteCount))
            open[producerID, default: []].append(offset)
        }

        mutating func end(_ store: LogStore, of producerID: Int64, aborts: Bool) throws {
            // A record: length, attributes, two deltas, a key of version 0 and the type, a value.
            let record: [UInt8] = [
                24, 0, 0, 0, 8, 0, 0, 0, aborts ? 0 : 1, 6, 0, 0, 0, 0, 0, 9, 0,
            ]
            let offset = try append(
                store, attributes: 3 << 4, producerID: producerID, count: 1, records: record)
            let offsets = (open.removeValue(forKey: producerID) ?? []) + [offset]
            done.append(Done(producerID: producerID, offsets: offsets, isAborted: aborts))
        }

        mutating func step(_ store: LogStore, _ random: inout SeededRandom) throws {
            let producerID = Int64(random.next() % 4)
            let byteCount = Int(random.next() % 900)
            switch random.next() % 10 {
            case 0...2: try appendPlain(store, byteCount: byteCount)
            case 3...6: try appendData(store, of: producerID, byteCount: byteCount)
            default: try end(store, of: producerID, aborts: random.next() % 2 == 0)
            }
        }

        /// Asks for all of `range` and compares.
        func check(
            _ store: LogStore, in range: Range<Int64>, from start: Int64 = 0,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let found = try store.abortedTransactions(
                of: TransactionTests.log, in: Offset(range.lowerBound)..<Offset(range.upperBound))
            // Who only has batches before and behind the range may be there, too.
            let spanning = done.filter {
                $0.isAborted && $0.offsets[0] < range.upperBound
                    && $0.offsets.last! >= range.lowerBound
            }
            let expected = spanning.filter { one in
                one.offsets.contains { offset in
                    let end = offset == one.offsets.last! ? offset : offset + 1
                    return offset < range.upperBound && end >= max(range.lowerBound, start)
                }
            }
            let ends = Set(found.map(\.lastOffset.value))
            #expect(ends.count == found.count, sourceLocation: sourceLocation)
            #expect(
                ends.isSubset(of: spanning.map { $0.offsets.last! })
                    && ends.isSuperset(of: expected.map { $0.offsets.last! }), "\(range)",
                sourceLocation: sourceLocation)
            #expect(
                found.map(\.firstOffset) == found.map(\.firstOffset).sorted(),
                sourceLocation: sourceLocation)
            for one in expected {
                let same = found.first { $0.lastOffset.value == one.offsets.last! }
                let first = try #require(same, sourceLocation: sourceLocation).firstOffset.value
                #expect(same?.producerID == one.producerID, sourceLocation: sourceLocation)
                // Not before it begins, and not behind its first batch that can be read.
                let needed = one.offsets.first { $0 + 1 >= max(range.lowerBound, start) }!
                #expect(
                    (one.offsets[0]...needed).contains(first), "\(first) of \(one) for \(range)",
                    sourceLocation: sourceLocation)
            }
        }

        func checkSome(_ store: LogStore, from start: Int64 = 0, _ random: inout SeededRandom) throws {
            try check(store, in: 0..<next + 1, from: start)
            for _ in 0..<40 {
                let first = start + Int64(random.next() % UInt64(next - start))
                let count = 1 + Int64(random.next() % 60)
                try check(store, in: first..<first + count, from: start)
            }
        }
    }

    @Test(arguments: 1...12)
    func `aborted transactions are found in segments, merged ones, and the write-ahead log`(
        seed: UInt64
    ) throws {
        var random = SeededRandom(seed)
        var options = storeOptions(disk)
        options.mergeSegmentCount = seed % 2 == 0 ? 0 : 3
        var store = try LogStore(directory: "/data", options: options)
        _ = try store.replay { _, _, _ in }
        var model = Transactions()
        var current = disk
        for round in 0..<8 {
            for _ in 0..<150 { try model.step(store, &random) }
            try model.checkSome(store, &random)
            if round % 2 == 0 { store.rollUpAll() } else { store.runAll() }
            try model.checkSome(store, &random)
            store.wal.flush()
            if random.next() % 2 == 0 {
                store.close()
            } else {
                current = current.afterKill()
            }
            options.wal.fileSystem = current
            store = try LogStore(directory: "/data", options: options)
            let report = try store.replay { _, _, _ in }
            #expect(report.damage.isEmpty)
            try model.checkSome(store, &random)
        }
        #expect(!store.segments(of: Self.log).isEmpty)
        let start = model.next / 2
        store.deleteBelow(Offset(start), of: Self.log)
        store.runAll()
        try model.checkSome(store, from: start, &random)
        store.close()
        let verification = try FolderInspection(directory: "/data", fileSystem: current).verify()
        #expect(verification.isWhole)
    }

    @Test func `a damaged index of transactions is made again from the batches, and told`() throws {
        let store = try openStore(disk)
        var model = Transactions()
        var random = SeededRandom(5)
        for _ in 0..<60 { try model.step(store, &random) }
        let marked = model.next
        // Fills the file, so that it is rolled up.
        for _ in 0..<200 { try model.appendPlain(store, byteCount: 800) }
        store.rollUpAll()
        store.close()
        let found = disk.paths.filter { $0.hasSuffix(".seg") }
        let path = try #require(found.first)
        let whole = disk[path]!
        let place = try #require(indexOfTransactions(in: whole))
        for byte in place {
            let copy = disk.afterKill()
            copy[path]![byte] ^= 1
            let store = try openStore(copy)
            for _ in 0..<2 { try model.check(store, in: 0..<marked) }
            let told = store.takeDamage()
            #expect(told.map(\.reason) == [.index], "byte \(byte)")
            #expect(told.map(\.path) == [path])
            store.close()
            let verification = try FolderInspection(directory: "/data", fileSystem: copy).verify()
            #expect(verification.damage.map(\.reason) == [.index], "byte \(byte)")
        }
        let again = try openStore(disk)
        try model.check(again, in: 0..<marked)
        #expect(again.takeDamage().isEmpty)
        again.close()
    }

    /// Behind the last page and in front of the heads of the only segment of a file: as docs/formats/segment.md has it.
    private func indexOfTransactions(in file: [UInt8]) -> Range<Int>? {
        let bytes = file.span.bytes
        let directory = Int(bytes.int(at: file.count - 64 + 16, as: UInt64.self))
        let indexStart = Int(bytes.int(at: directory + 40, as: UInt64.self))
        let indexEnd = indexStart + Int(bytes.int(at: directory + 48, as: UInt32.self))
        let pageCount = Int(bytes.int(at: directory + 52, as: UInt32.self))
        let heads = indexEnd - 64 * pageCount
        let last = indexEnd - 64
        let start =
            Int(bytes.int(at: last + 16, as: UInt64.self))
            + Int(bytes.int(at: last + 8, as: UInt32.self))
        return start < heads ? start..<heads : nil
    }

    @Test func `a log without transactions has no index of them`() throws {
        let store = try openStore(disk)
        var model = Transactions()
        for _ in 0..<300 { try model.appendPlain(store, byteCount: 800) }
        store.rollUpAll()
        #expect(try store.abortedTransactions(of: Self.log, in: Offset(0)..<Offset(900)).isEmpty)
        #expect(try store.abortedTransactions(of: LogID(9), in: Offset(0)..<Offset(900)).isEmpty)
        store.close()
        let path = try #require(disk.paths.first { $0.hasSuffix(".seg") })
        #expect(indexOfTransactions(in: disk[path]!) == nil)
    }
}
