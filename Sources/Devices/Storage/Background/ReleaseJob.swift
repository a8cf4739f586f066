import Platform

/// Gives up files of the write-ahead log whose batches are in segments and whose other frames are in
/// snapshots: into the pool, or off the disk. One with damage in it is kept aside, for people.
final class ReleaseJob: BackgroundJob {
    let urgency = BackgroundUrgency.release

    struct File: Sendable {
        enum Fate: Sendable { case recycle, keepAside }

        var number: UInt64
        var fate: Fate
    }

    private let files: [File]
    private let walFiles: WALFiles
    private var isNamed = false

    /// - Parameter files: the oldest that there are, in order.
    init(_ files: [File], _ walFiles: WALFiles) {
        self.files = files
        self.walFiles = walFiles
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard let last = files.last?.number else {
            return .done(.released(through: 0, pooled: 0))
        }
        if !isNamed {
            // First it is said that they are not needed, so that none of them is missed.
            var manifest = context.manifest
            manifest.firstLogFile = max(manifest.firstLogFile, last + 1)
            try context.put(manifest)
            isNamed = true
            return .more
        }
        var pooled = 0
        do throws(SystemError) {
            for file in files { pooled += try giveUp(file, context.fileSystem) ? 1 : 0 }
            try context.fileSystem.synchronizeDirectory(walFiles.folder)
        } catch { throw .from(error) }
        return .done(.released(through: last, pooled: pooled))
    }

    /// - Returns: whether it went into the pool.
    private func giveUp(_ file: File, _ fileSystem: any FileSystem) throws(SystemError) -> Bool {
        let path = walFiles.path(file.number)
        do {
            switch file.fate {
            case .keepAside:
                try fileSystem.keepAside(path)
            case .recycle:
                if walFiles.pool.isOpen,
                    try fileSystem.open(path, .readOnly).byteCount() == walFiles.fileByteCount
                {
                    let name = WALPool.name(file.number)
                    try fileSystem.rename(path, to: walFiles.folder + "/" + name)
                    walFiles.pool.add(name)
                    return true
                }
                try fileSystem.remove(path)
            }
        } catch {
            // From an attempt before this one.
            if !error.isMissing { throw error }
        }
        return false
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        nil
    }
}
