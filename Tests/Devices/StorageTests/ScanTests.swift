import Model
import Platform
import Storage
import Synchronization
import Testing

/// What is shown of segments of which not everything can be read.
@Suite struct ScanTests {
    let disk = MemoryFileSystem()
    private static let fileHeaderByteCount = 64
    /// The directory with one descriptor, and the footer.
    private static let fileEndByteCount = 80 + 64

    /// A store with three segments or more of one log, each in a file of its own.
    private func makeStore() throws -> (store: LogStore, model: Model, segments: [SegmentDescriptor]) {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(61)
        for _ in 0..<600 { try model.append(to: store, log: 1, &random) }
        store.rollUpAll()
        let segments = store.segments(of: LogID(1))
        try #require(segments.count > 2 && Set(segments.map(\.file)).count == segments.count)
        return (store, model, segments)
    }

    private func scan(
        _ segments: [SegmentDescriptor], of store: LogStore, stopsAtDamage: Bool
    ) throws -> (shown: [Int64], damageCount: Int) {
        let keeper = Keeper(Mutex<[Int64]>([]))
        var result: Result<Int, StorageError>?
        store.scan(segments, stopsAtDamage: stopsAtDamage) { batch, _ in
            keeper.state.withLock { $0.append(batch.baseOffset.value) }
            return true
        } whenDone: {
            result = $0
        }
        store.runAll()
        return (keeper.state.withLock { $0 }, try #require(result).get())
    }

    private func bases(_ model: Model, upTo last: Offset) -> [Int64] {
        model.logs[1]!.filter { $0.last <= last.value }.map(\.base)
    }

    @Test func `a scan says how many batches it left out, and ends at the first where that is asked`() throws {
        let (store, model, segments) = try makeStore()
        defer { store.close() }
        let all = bases(model, upTo: segments.last!.lastOffset)
        let whole = try scan(segments, of: store, stopsAtDamage: true)
        #expect(whole.shown == all && whole.damageCount == 0)
        disk[store.path(of: segments[1])]![Self.fileHeaderByteCount + 61] ^= 4
        let first = segments[1].baseOffset.value
        let left = try scan(segments, of: store, stopsAtDamage: false)
        #expect(left.damageCount == 1)
        #expect(left.shown == all.filter { $0 != first })
        #expect(store.takeDamage().map(\.reason) == [.payload])
        let stopped = try scan(segments, of: store, stopsAtDamage: true)
        #expect(stopped.damageCount == 1)
        #expect(stopped.shown == all.filter { $0 < first })
    }

    @Test(arguments: [true, false])
    func `a scan goes on behind a segment whose index cannot be made again, and tells it`(
        stopsAtDamage: Bool
    ) throws {
        let (store, model, segments) = try makeStore()
        defer { store.close() }
        let path = store.path(of: segments[1])
        let size = disk[path]!.count
        for byte in Self.fileHeaderByteCount + 61..<size - Self.fileEndByteCount { disk[path]![byte] = 0x55 }
        let (shown, damageCount) = try scan(segments, of: store, stopsAtDamage: stopsAtDamage)
        let range = segments[1].baseOffset.value...segments[1].lastOffset.value
        let others = bases(model, upTo: segments.last!.lastOffset).filter { !range.contains($0) }
        #expect(shown == (stopsAtDamage ? others.filter { $0 < range.lowerBound } : others))
        #expect(damageCount > 0)
        #expect(store.takeDamage().contains { $0.path == path })
    }

    @Test(arguments: [Int64.max, .max - 1, 1 << 40, 0, -1, .min])
    func `a base offset that is nonsense ends what is found of a segment without an index`(base: Int64) throws {
        let (store, model, segments) = try makeStore()
        defer { store.close() }
        let segment = segments[1]
        let path = store.path(of: segment)
        let batches = model.logs[1]!.filter { $0.base >= segment.baseOffset.value && $0.last <= segment.lastOffset.value }
        // One in the middle, of more than one record.
        let place = try #require(batches.indices.dropFirst(3).first { batches[$0].last > batches[$0].base })
        let start = batches[..<place].reduce(Self.fileHeaderByteCount) { $0 + $1.bytes.count }
        withUnsafeBytes(of: base.bigEndian) { disk[path]!.replaceSubrange(start..<start + 8, with: $0) }
        let index = Self.fileHeaderByteCount + segment.byteCount..<disk[path]!.count - Self.fileEndByteCount
        for byte in index { disk[path]![byte] = 0x55 }
        let (shown, damageCount) = try scan([segment], of: store, stopsAtDamage: false)
        #expect(shown == batches[..<place].map(\.base))
        #expect(damageCount == 1)
        #expect(store.takeDamage().contains { $0.path == path && $0.offset == start && $0.reason == .payload })
    }
}

/// Holds a lock that a closure of another thread shares.
private final class Keeper<Value: ~Copyable>: Sendable {
    let state: Mutex<Value>

    init(_ state: consuming sending Mutex<Value>) { self.state = state }
}
