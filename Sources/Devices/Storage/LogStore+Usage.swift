/// How much of the disk the data folder takes, in bytes.
public struct StorageUsage: Equatable, Sendable {
    /// Files of the write-ahead log, as large as they are.
    public var logByteCount = 0
    /// Those of them that wait to be used again.
    public var pooledFileCount = 0
    /// Segment files, and what of them is still needed.
    public var segmentFileCount = 0
    public var segmentByteCount = 0
    public var neededSegmentByteCount = 0

    public var totalByteCount: Int { logByteCount + segmentByteCount }
}

/// Background work that failed and is being tried again.
public struct StorageProblem: Equatable, Sendable {
    public var error: StorageError
    /// How often in a row.
    public var attempts: Int
}

extension LogStore {
    /// What the folder takes now, snapshots not counted.
    public var usage: StorageUsage {
        var usage = StorageUsage()
        let size = wal.options.fileByteCount
        usage.pooledFileCount = wal.files.pool.count
        let files = Int(wal.endPosition.fileNumber - firstLogFile) + 1
        usage.logByteCount = (files + usage.pooledFileCount) * size
        usage.segmentFileCount = segmentFiles.count
        usage.segmentByteCount = segmentFiles.values.reduce(0, +)
        usage.neededSegmentByteCount = logs.values.reduce(0) { sum, index in
            index.segments.reduce(sum) { $0 + $1.byteCountInFile }
        }
        return usage
    }

    /// What the background cannot do at the moment; empty when all is well.
    public var problems: [StorageProblem] { worker.currentProblems }

    /// Whether nothing is under way in the background.
    public var isIdle: Bool { worker.isIdle }
}
