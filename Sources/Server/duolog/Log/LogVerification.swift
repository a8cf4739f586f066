import Storage

/// `duolog log verify`: reads everything, and says what is not what was written.
struct LogVerification {
    private let inspection: FolderInspection
    private let names: StreamNames

    init(_ inspection: FolderInspection, _ names: StreamNames) {
        self.inspection = inspection
        self.names = names
    }

    func run() throws -> Bool {
        let result = try inspection.verify { damage in
            let stream = damage.frame.map { " of \(names.text($0.log))" } ?? ""
            print("DAMAGED\(stream): \(damage)")
        }
        for path in result.damagedSnapshots { print("DAMAGED snapshot: \(path)") }
        print(
            "\(result.logFileCount) files of the write-ahead log with \(result.frameCount) frames, "
                + "\(result.segmentCount) segments with \(result.batchCount) batches, "
                + "\(result.snapshotCount) snapshots: \(result.byteCount) bytes, "
                + (result.isWhole
                    ? "all as they were written"
                    : "\(result.damage.count + result.damagedSnapshots.count) damaged"))
        if result.unfinishedByteCount > 0 {
            print(
                "\(result.unfinishedByteCount) bytes behind the last whole frame: a group that is or "
                    + "was being written, and was not acknowledged")
        }
        return result.isWhole
    }
}
