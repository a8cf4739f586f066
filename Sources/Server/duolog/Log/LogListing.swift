import Model
import Storage

/// `duolog log ls`: what there is, without reading the batches in segments.
struct LogListing {
    private let inspection: FolderInspection
    private let names: StreamNames

    init(_ inspection: FolderInspection, _ names: StreamNames) {
        self.inspection = inspection
        self.names = names
    }

    /// What the write-ahead log alone has of a log.
    private struct Tail {
        var batchCount = 0
        var byteCount = 0
        var otherCount = 0
        var first: Offset?
        var last: Offset?
    }

    func run() throws -> Bool {
        let (segments, known) = try inspection.segments()
        let rolledUp = RolledUp(segments, upTo: try inspection.rolledUpTo())
        var tails: [LogID: Tail] = [:]
        var frameCounts: [UInt64: Int] = [:]
        let log = try inspection.forEachFrame { header, _, position in
            frameCounts[position.fileNumber, default: 0] += 1
            var tail = tails[header.log] ?? Tail()
            if header.kind != .batch {
                tail.otherCount += 1
            } else if !rolledUp.has(header, at: position) {
                tail.batchCount += 1
                tail.byteCount += header.payloadByteCount
                tail.first = tail.first ?? header.baseOffset
                tail.last = header.lastOffset
            }
            tails[header.log] = tail
        }
        print("data folder \(inspection.path), format \(inspection.formatVersion)")
        try printFiles(frameCounts)
        try printSnapshots()
        let byLog = Dictionary(grouping: segments, by: \.log)
        let logs = Set(byLog.keys).union(tails.keys).union(names.logs)
        for id in logs.sorted() where id != LogID(0) {
            print("\(title(id))")
            for segment in byLog[id] ?? [] {
                print(
                    "  segment  offsets \(segment.baseOffset.value)...\(segment.lastOffset.value)  "
                        + "\(segment.batchCount) batches  \(segment.byteCount) bytes  "
                        + "\(inspection.path(of: segment))")
            }
            guard let tail = tails[id] else { continue }
            if let first = tail.first, let last = tail.last {
                print(
                    "  wal      offsets \(first.value)...\(last.value)  \(tail.batchCount) batches  "
                        + "\(tail.byteCount) bytes")
            }
            if tail.otherCount > 0 { print("  wal      \(tail.otherCount) other frames") }
        }
        let damage = known + log.damage
        for one in damage { print("DAMAGED \(one)") }
        return damage.isEmpty
    }

    private func title(_ id: LogID) -> String {
        guard let name = names[id] else { return "log \(id.value), which no stream has" }
        return "\(name.text)  (log \(id.value), account \(name.account))"
    }

    private func printFiles(_ frameCounts: [UInt64: Int]) throws {
        for file in try inspection.logFiles() {
            let state = file.isReleased ? "released" : "\(frameCounts[file.number] ?? 0) frames"
            print("wal file \(file.path)  \(file.byteCount) bytes  \(state)")
        }
    }

    private func printSnapshots() throws {
        let (whole, damaged) = try inspection.snapshots()
        for snapshot in whole {
            print(
                "snapshot \(snapshot.name)  \(snapshot.byteCount) bytes  up to file "
                    + "\(snapshot.position.fileNumber), offset \(snapshot.position.offset)")
        }
        for path in damaged { print("DAMAGED snapshot \(path)") }
    }
}
