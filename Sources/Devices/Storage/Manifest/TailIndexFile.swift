import Bytes
import DequeModule
import Model
import Platform

/// Where the batches are that only the write-ahead log has, as they were at a clean end: so that a
/// start need not read the log for them.
///
/// The sealed file `segments/tail`; its position is the end of the log then. It stays right when the
/// log goes on: what comes behind the position is found in the log. Content, big endian:
///
///     u32  content version, 2
///     u32  how many logs; then for each
///          u32 log id, u32 how many batches; then for each
///          i64 base offset, u64 position, u32 byte count, u32 last offset delta, i64 append time,
///          i64 largest record timestamp; then
///          u32 how many runs of transactions; then for each what a TransactionIndex has
struct TailIndexFile {
    var position: WALPosition
    var logs: [LogID: Log]

    struct Log {
        var entries: [LogTail.Entry] = []
        var transactions = TransactionIndex()
    }

    private static let name = "tail"
    private static let contentVersion: UInt32 = 2
    private static let entryByteCount = 40

    static func write(
        _ logs: [LogID: LogIndex], position: WALPosition, folder: String, folderID: [UInt8],
        created: Timestamp, on fileSystem: any FileSystem
    ) throws(StorageError) {
        let file = try SealedFileWriter(
            path: folder + "/" + name, name: name, position: position.rawValue, created: created,
            folderID: folderID, on: fileSystem)
        do {
            let found = logs.filter { !$0.value.tail.entries.isEmpty }.sorted { $0.key < $1.key }
            var writer = ByteWriter()
            writer.int(contentVersion)
            writer.int(UInt32(found.count))
            for (id, index) in found {
                writer.int(id.value)
                writer.int(UInt32(index.tail.entries.count))
                for entry in index.tail.entries {
                    writer.int(entry.baseOffset.value)
                    writer.int(entry.position.rawValue)
                    writer.int(entry.byteCount)
                    writer.int(entry.lastOffsetDelta)
                    writer.int(entry.appendTime.nanoseconds)
                    writer.int(entry.maxTimestampMilliseconds)
                }
                writer.int(UInt32(index.tail.transactions.runs.count))
                index.tail.transactions.write(to: &writer)
                let bytes = writer.bytes
                try file.append(bytes.span.bytes)
                writer = ByteWriter()
            }
            let bytes = writer.bytes
            try file.append(bytes.span.bytes)
            try file.finish()
            try file.putInPlace()
        } catch {
            file.abandon()
            throw error
        }
    }

    /// Nil where there is none, or none that is whole: then the log has all of it.
    static func read(
        folder: String, folderID: [UInt8], on fileSystem: any FileSystem
    ) -> TailIndexFile? {
        guard
            let opened = try? SealedFileReader.open(
                folder + "/" + name, folderID: folderID, on: fileSystem)
        else { return nil }
        var file = opened
        var bytes: [UInt8] = []
        do {
            while let part = try file.next() { bytes += part }
            let logs = try decode(bytes.span.bytes)
            return TailIndexFile(
                position: WALPosition(rawValue: file.header.position), logs: logs)
        } catch { return nil }
    }

    /// To be done when the manifest is made again: the file lacks what was rolled up when it was
    /// written, and that is not rolled up any more.
    static func remove(from folder: String, on fileSystem: any FileSystem) throws(SystemError) {
        guard try fileSystem.list(folder).contains(name) else { return }
        try fileSystem.remove(folder + "/" + name)
    }

    private static func decode(
        _ bytes: RawSpan
    ) throws(MalformedBytes) -> [LogID: Log] {
        var reader = ByteReader(bytes)
        guard try reader.int(UInt32.self) == contentVersion else { throw .badLength(0) }
        var logs: [LogID: Log] = [:]
        for _ in 0..<(try reader.int(UInt32.self)) {
            let id = LogID(try reader.int())
            let count = Int(try reader.int(UInt32.self))
            guard count * entryByteCount <= reader.remaining else { throw .badLength(count) }
            var entries: [LogTail.Entry] = []
            entries.reserveCapacity(count)
            for _ in 0..<count {
                entries.append(
                    LogTail.Entry(
                        baseOffset: Offset(try reader.int()),
                        position: WALPosition(rawValue: try reader.int()),
                        byteCount: try reader.int(), lastOffsetDelta: try reader.int(),
                        appendTime: Timestamp(nanoseconds: try reader.int()),
                        maxTimestampMilliseconds: try reader.int()))
            }
            let runCount = Int(try reader.int(UInt32.self))
            logs[id] = Log(
                entries: entries,
                transactions: try TransactionIndex(&reader, count: runCount))
        }
        guard reader.isAtEnd else { throw .badLength(reader.remaining) }
        return logs
    }
}
