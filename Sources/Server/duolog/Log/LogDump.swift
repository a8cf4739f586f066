import Bytes
import Model
import Records
import Storage

/// `duolog log dump`: batch after batch in the words of kafka-dump-log, from the segments and then from
/// the write-ahead log.
struct LogDump {
    private let command: LogCommand
    private let inspection: FolderInspection
    private let names: StreamNames

    init(_ command: LogCommand, _ inspection: FolderInspection, _ names: StreamNames) {
        self.command = command
        self.inspection = inspection
        self.names = names
    }

    private struct Enough: Error {}

    /// - Throws: `Misuse` where there is no such stream or log; `StorageError`.
    func run() throws -> Bool {
        if let stream = command.stream, !names.has(stream) {
            throw LogCommand.Misuse(text: "there is no stream '\(stream)'")
        }
        var left = command.count
        var isWhole = true
        // A log that the catalog does not know may have batches all the same.
        var isFound = command.log.map { names[$0] != nil } ?? true
        func dump(_ bytes: RawSpan, at position: Int) throws {
            var printer = BatchPrinter(printsRecords: command.printsRecords)
            if !printer.print(bytes, position: position) { isWhole = false }
            left -= 1
            if left == 0 { throw Enough() }
        }
        do {
            let (segments, damage) = try inspection.segments()
            for one in damage { tell(one, &isWhole) }
            for segment in segments where isChosen(segment.log) {
                isFound = true
                guard segment.lastOffset >= command.from,
                    let reader = try inspection.reader(of: segment)
                else { continue }
                print("Dumping \(inspection.path(of: segment)), \(names.text(segment.log))")
                print("Log starting offset: \(segment.baseOffset.value)")
                try reader.forEachBatch { batch in
                    isWhole = false
                    print("DAMAGED batch \(batch.baseOffset.value)...\(batch.lastOffset.value)")
                } _: { batch, bytes in
                    guard batch.lastOffset >= command.from else { return }
                    try dump(bytes, at: batch.offsetInFile)
                }
            }
            let rolledUp = RolledUp(segments, upTo: try inspection.rolledUpTo())
            var title = ""
            let log = try inspection.forEachFrame { header, payload, position in
                guard isChosen(header.log) else { return }
                isFound = true
                guard header.lastOffset >= command.from else { return }
                if rolledUp.has(header, at: position) { return }
                let current = "Dumping file \(position.fileNumber) of the write-ahead log, "
                    + names.text(header.log)
                if current != title { print(current) }
                title = current
                if header.kind == .batch {
                    try dump(payload, at: position.offset)
                } else {
                    print(
                        "\(header.kind) frame position: \(position.offset) "
                            + "size: \(header.payloadByteCount) "
                            + "appendTime: \(header.appendTime.nanoseconds)")
                }
            }
            for one in log.damage { tell(one, &isWhole) }
        } catch is Enough {}
        if !isFound { throw LogCommand.Misuse(text: "there is no log \(command.log!.value)") }
        return isWhole
    }

    private func tell(_ damage: ReplayReport.Damage, _ isWhole: inout Bool) {
        if let log = damage.frame?.log, !isChosen(log) { return }
        print("DAMAGED \(damage)")
        isWhole = false
    }

    private func isChosen(_ log: LogID) -> Bool {
        if let wanted = command.log, wanted != log { return false }
        guard let stream = command.stream else { return true }
        return names[log].map { $0.isCalled(stream) } ?? false
    }
}
