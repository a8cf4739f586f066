import Bytes
import Model
import Storage

/// The oracle of the store: everything that was appended to it, in one order, as batches of logs and
/// as commands that take away; and what of it was promised.
///
/// After a restart the entries of some first part of the history are there, with at least all that
/// was promised: each batch that no command took away, found by offset and by time, byte for byte,
/// and nothing else. What was synced is promised always, and what was written as long as the power is
/// not lost, whichever log asked for it: as a part at the end is all that may be missing, no log has
/// a record without those before it.
struct StoreHistory {
    enum Command: Equatable {
        case batch
        case deleteBelow(LogID, Offset)
        case deleteLog(LogID)
        /// These batches are not needed any more: a rewrite drops those with an even number and replaces the others.
        case drop([Int])
    }

    struct Entry {
        var command: Command
        var header: FrameHeader
        var mark: UInt64
        var position: WALPosition
        /// Of batches: the largest record timestamp, milliseconds.
        var timestamp: Int64 = -1
        var durability = FrameDurability.sync
        /// When it has to be synced at the latest, by the monotonic clock; known once it is written.
        var syncedBy = Int64.max
    }

    /// What the commands of a first part of the history say about a log.
    struct Cut: Equatable {
        var start = Offset(0)
        var isDeleted = false
    }

    private(set) var entries: [Entry] = []
    /// So many entries from the start must come back.
    private(set) var promisedCount = 0
    /// Of each log, the indexes of its batches.
    private(set) var batches: [LogID: [Int]] = [:]
    private(set) var cuts: [LogID: Cut] = [:]
    /// Batches that a rewrite may have dropped or replaced by now.
    private(set) var dropped: Set<Int> = []
    /// Those of which a rewrite has said so: they never come back, unless the manifest is made again.
    private(set) var rewritten: Set<Int> = []
    /// So many entries from the start come back where the power was not lost.
    private(set) var writtenCount = 0
    /// So many had been written when the power was lost.
    private(set) var agreedCount = 0
    /// Where logs in memory begin in this life.
    private var floors: [LogID: Offset] = [:]

    mutating func append(_ entry: Entry) {
        note(entry, at: entries.count)
        entries.append(entry)
    }

    mutating func promise(upTo mark: UInt64) {
        while promisedCount < entries.count, entries[promisedCount].mark <= mark {
            promisedCount += 1
        }
    }

    /// The log said that everything up to `mark` is in its file.
    mutating func noteWritten(upTo mark: UInt64, at now: Int64) {
        while writtenCount < entries.count, entries[writtenCount].mark <= mark {
            let (due, overflow) = now.addingReportingOverflow(entries[writtenCount].durability.longestWait)
            entries[writtenCount].syncedBy = overflow ? .max : due
            writtenCount += 1
        }
    }

    /// The power is lost, or the device has failed: what was written counts for nothing.
    mutating func forgetWritten() {
        agreedCount = max(agreedCount, writtenCount)
        writtenCount = 0
    }

    /// An entry that was to be synced before `now`, and was not.
    func firstOverdue(at now: Int64) -> Int? {
        guard promisedCount < writtenCount else { return nil }
        return (promisedCount..<writtenCount).first { entries[$0].syncedBy <= now }
    }

    /// A log in memory begins behind all that is known of it.
    mutating func empty(_ log: LogID) { floors[log] = nextOffset(of: log) }

    /// Where a log begins for readers.
    func start(of log: LogID) -> Offset {
        max(cuts[log]?.start ?? Offset(0), floors[log] ?? Offset(0))
    }

    private mutating func note(_ entry: Entry, at index: Int) {
        switch entry.command {
        case .batch: batches[entry.header.log, default: []].append(index)
        case .deleteBelow(let log, let offset):
            cuts[log, default: Cut()].start = max(cuts[log]?.start ?? Offset(0), offset)
        case .deleteLog(let log): cuts[log, default: Cut()].isDeleted = true
        case .drop(let indexes): dropped.formUnion(indexes)
        }
    }

    /// The machines' state after the first `count` entries.
    func cuts(after count: Int) -> [LogID: Cut] {
        var part = StoreHistory()
        for entry in entries.prefix(count) where entry.command != .batch { part.note(entry, at: 0) }
        return part.cuts
    }

    /// What came back is the history from here on, and promised.
    mutating func restart(with count: Int) {
        entries.removeSubrange(count...)
        promisedCount = count
        writtenCount = count
        agreedCount = 0
        floors = [:]
        batches = [:]
        cuts = [:]
        dropped = []
        for (index, entry) in entries.enumerated() { note(entry, at: index) }
        rewritten.formIntersection(dropped)
        for index in entries.indices { entries[index].mark = 0 }
    }

    /// The batches of a log that are there for readers.
    func visible(_ log: LogID) -> [Int] {
        if cuts[log]?.isDeleted == true { return [] }
        let start = start(of: log)
        return (batches[log] ?? []).filter { entries[$0].header.lastOffset >= start }
    }

    mutating func noteRewritten(_ indexes: some Sequence<Int>) { rewritten.formUnion(indexes) }

    /// The manifest is made again: what was rewritten may be back as it was.
    mutating func forgetRewritten() { rewritten = [] }

    /// What a rewrite does to a batch that is not needed any more.
    static func isReplaced(_ index: Int) -> Bool { index % 2 != 0 }

    /// Whether a batch need not be there.
    func mayBeGone(_ index: Int) -> Bool { dropped.contains(index) && !Self.isReplaced(index) }

    /// Whether a batch must not be there any more.
    func isGone(_ index: Int) -> Bool { rewritten.contains(index) && !Self.isReplaced(index) }

    var logs: [LogID] { batches.keys.sorted() }

    func nextOffset(of log: LogID) -> Offset {
        batches[log]?.last.map { entries[$0].header.lastOffset.advanced(by: 1) } ?? Offset(0)
    }
}

/// The bytes of the entry with a number: made when it is appended, and again when it was read.
enum EntryContent {
    /// A batch of Kafka's as far as Storage looks at it, with the number behind its header.
    static func batch(
        _ number: Int, base: Offset, last: Offset, timestamp: Int64, byteCount: Int
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: byteCount)
        writer.int(base.value)
        writer.int(Int32(byteCount - 12))
        writer.int(Int32(0))
        writer.int(UInt8(2))
        var rest = ByteWriter(capacity: byteCount)
        rest.int(Int16(0))
        rest.int(Int32(base.distance(to: last)))
        rest.int(timestamp)
        rest.int(timestamp)
        rest.int(Int64(number))
        rest.int(Int16(-1))
        rest.int(Int32(-1))
        rest.int(Int32(base.distance(to: last) + 1))
        rest.append(FrameContent.bytes(UInt64(number), byteCount: byteCount - 61))
        writer.int(crc32c(rest.bytes.span.bytes))
        writer.append(rest.bytes)
        return writer.bytes
    }

    /// Any other frame: its number and nothing else.
    static func command(_ number: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.int(Int64(number))
        return writer.bytes
    }
}
