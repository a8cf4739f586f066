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
            "\(count(result.logFileCount, "file", "files")) of the write-ahead log with "
                + "\(count(result.frameCount, "frame", "frames")), \(count(result.segmentCount, "segment", "segments")) with "
                + "\(count(result.batchCount, "batch", "batches")), "
                + "\(count(result.snapshotCount, "snapshot", "snapshots")): \(result.byteCount) bytes, "
                + (result.isWhole
                    ? "all as they were written"
                    : "\(result.damage.count + result.damagedSnapshots.count) damaged"))
        if result.unfinishedByteCount > 0 {
            print(
                "\(result.unfinishedByteCount) bytes behind the last whole frame: a group that is or "
                    + "was being written, and that no sync has covered")
        }
        return result.isWhole
    }

    private func count(_ number: Int, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }
}
