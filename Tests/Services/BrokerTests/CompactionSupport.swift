import Broker
import Bytes
import Glibc
import JetStream
import JetStreamAPI
import Model
import Platform
import Records
import Storage
import Testing

extension LogStore.Options {
    /// Small files, so that there are segments soon.
    static var small: LogStore.Options {
        var store = LogStore.Options()
        store.wal.fileByteCount = 256 << 10
        store.rollUpByteCount = 512 << 10
        store.segmentByteCount = 512 << 10
        store.ownFileByteCount = 64 << 10
        return store
    }
}

/// A record as a Kafka client gets it.
struct FetchedRecord: Equatable, Sendable {
    var offset: Int64
    var key: [UInt8]?
    var value: [UInt8]?
    /// From when on the tombstones of its batch may go.
    var horizon: Int64?
    var compression: Compression?
}

extension Broker {
    /// How many messages the JetStream view of a log has, and which.
    func messagesInView(of log: PartitionLog) throws -> (UInt64, [UInt64]) {
        let view = try #require(log.view)
        var sequences: [UInt64] = []
        view.forEachStored(from: StreamSequence(1), through: StreamSequence(.max)) { sequence, _ in
            sequences.append(sequence.value)
        }
        return (view.state.messages, sequences)
    }

    /// All readable records, batch after batch as a consumer fetches them, over gaps and empty batches, up to the end.
    ///
    /// - Parameter fromFiles: take what can be sent from files from there, and tell how many bytes that were.
    func fetchAll(_ log: PartitionLog, fromFiles: ((Int) -> Void)? = nil) throws -> [FetchedRecord] {
        var found: [FetchedRecord] = []
        var decompressor = Decompressor()
        var next = log.startOffset
        while next < log.readableEnd {
            var stored = StoredRecords()
            try readBatches(
                of: log, from: next, byteLimit: 1 << 20, atLeastOne: true, fromFiles: fromFiles != nil, into: &stored)
            var bytes: [UInt8] = []
            for region in stored.regions {
                var part = [UInt8](repeating: 0, count: region.byteCount)
                #expect(pread(region.descriptor, &part, part.count, region.offset) == part.count)
                bytes += part
                fromFiles?(part.count)
            }
            bytes += stored.bytes
            var batches = RecordBatchCursor(bytes.span.bytes)
            var isFirst = true
            while let batch = try batches.next() {
                let (isValid, header) = (batch.hasValidCRC, batch.header)
                #expect(isValid)
                #expect(header.lastOffset >= next && (isFirst || header.baseOffset >= next))
                isFirst = false
                var plain = GrowingBytes()
                let compression = try #require(header.compression)
                try decompressor.decompress(batch.payload, as: compression, into: &plain, limit: 1 << 24)
                var records = RecordCursor(plain.span, count: Int(header.recordCount))
                while let record = try records.next() {
                    var fetched = FetchedRecord(offset: batch.offset(of: record).value)
                    if let key = record.key { fetched.key = Array(copying: key) }
                    if let value = record.value { fetched.value = Array(copying: value) }
                    if header.attributes.contains(.deleteHorizon) { fetched.horizon = header.baseTimestampMilliseconds }
                    fetched.compression = compression
                    found.append(fetched)
                }
                next = header.nextOffset
            }
            guard !isFirst else {
                Issue.record("nothing to read at \(next.value), before the end \(log.readableEnd.value)")
                break
            }
        }
        return found.filter { $0.offset >= log.startOffset.value }
    }
}
