import Bytes
import Model

/// What the store workload puts into its snapshots: how many entries the history had, and what the
/// commands had taken away.
struct SnapshotContent {
    var entryCount: Int
    var cuts: [LogID: StoreHistory.Cut]

    init(entryCount: Int, cuts: [LogID: StoreHistory.Cut]) {
        self.entryCount = entryCount
        self.cuts = cuts
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.int(Int64(entryCount))
        for (log, cut) in cuts.sorted(by: { $0.key < $1.key }) {
            writer.int(log.value)
            writer.int(cut.start.value)
            writer.int(UInt8(cut.isDeleted ? 1 : 0))
        }
        return writer.bytes
    }

    init(_ bytes: [UInt8]) throws(Failure) {
        entryCount = 0
        cuts = [:]
        do {
            var reader = ByteReader(bytes.span.bytes)
            entryCount = Int(try reader.int(Int64.self))
            while reader.remaining > 0 {
                let log = LogID(try reader.int(UInt32.self))
                let start = Offset(try reader.int(Int64.self))
                cuts[log] = .init(start: start, isDeleted: try reader.int(UInt8.self) == 1)
            }
        } catch { throw Failure("a snapshot that verifies has \(bytes.count) bytes of something") }
    }
}
