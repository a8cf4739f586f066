import Platform

/// Encodes one snapshot, waits until the log is durable as far as it goes, and puts it in place.
final class SnapshotJob: BackgroundJob {
    let urgency = BackgroundUrgency.snapshot
    private let id: UInt64
    private let path: String
    private let name: String
    private let position: WALPosition
    /// What of the write-ahead log has to be durable.
    private let mark: UInt64
    private let encode: @Sendable (SnapshotWriter) throws(StorageError) -> Void
    /// Durable under its temporary name.
    private var written: SealedFileWriter?

    init(
        id: UInt64, path: String, name: String, position: WALPosition, mark: UInt64,
        _ encode: @escaping @Sendable (SnapshotWriter) throws(StorageError) -> Void
    ) {
        self.id = id
        self.path = path
        self.name = name
        self.position = position
        self.mark = mark
        self.encode = encode
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard let written else {
            let file = try SealedFileWriter(
                path: path, name: name, position: position.rawValue, created: context.time.now(),
                folderID: context.folderID, on: context.fileSystem)
            written = file
            try encode(SnapshotWriter(file))
            try file.finish()
            return .more
        }
        guard context.isDurable(mark) else { return .waiting }
        try written.putInPlace()
        return .done(.snapshot(id: id, .success(written.contentByteCount)))
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        written?.abandon()
        return .snapshot(id: id, .failure(error))
    }
}
