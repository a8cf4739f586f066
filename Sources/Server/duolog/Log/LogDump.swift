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

    func run() throws -> Bool {
        var left = command.count
        var isWhole = true
        func dump(_ bytes: RawSpan, at position: Int) throws {
            guard left > 0 else { throw Enough() }
            left -= 1
            var printer = BatchPrinter(printsRecords: command.printsRecords)
            if !printer.print(bytes, position: position) { isWhole = false }
        }
        do {
            let (segments, damage) = try inspection.segments()
            for one in damage { tell(one, &isWhole) }
            for segment in segments where isWanted(segment.log, segment.lastOffset) {
                guard let reader = try inspection.reader(of: segment) else { continue }
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
                guard isWanted(header.log, header.lastOffset) else { return }
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
        return isWhole
    }

    private func tell(_ damage: ReplayReport.Damage, _ isWhole: inout Bool) {
        if let log = damage.frame?.log, !isWanted(log, Offset(.max)) { return }
        print("DAMAGED \(damage)")
        isWhole = false
    }

    private func isWanted(_ log: LogID, _ last: Offset) -> Bool {
        if let wanted = command.log, wanted != log { return false }
        if let stream = command.stream {
            guard let name = names[log], name.stream == stream || name.text == stream else {
                return false
            }
        }
        return last >= command.from
    }
}
