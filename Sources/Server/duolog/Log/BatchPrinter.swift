import Bytes
import Model
import Records

/// One batch and its records, in the words of Kafka's kafka-dump-log.
/// Source: kafka.tools.DumpLogSegments, its output.
struct BatchPrinter {
    var printsRecords: Bool
    private static let decompressedLimit = 256 << 20

    /// - Returns: false where the bytes are no whole batch.
    mutating func print(_ bytes: RawSpan, position: Int) -> Bool {
        do {
            let batch = try RecordBatchView(bytes)
            let isValid = batch.hasValidCRC
            Swift.print(Self.line(batch.header, isValid: isValid, position: position))
            if printsRecords, isValid { try printRecords(batch) }
            return isValid
        } catch {
            Swift.print("position: \(position) size: \(bytes.byteCount) is no batch: \(error)")
            return false
        }
    }

    static func line(_ header: RecordBatchHeader, isValid: Bool, position: Int) -> String {
        let attributes = header.attributes
        let horizon =
            attributes.contains(.deleteHorizon)
            ? "OptionalLong[\(header.baseTimestampMilliseconds)]" : "OptionalLong.empty"
        return [
            "baseOffset: \(header.baseOffset.value)", "lastOffset: \(header.lastOffset.value)",
            "count: \(header.recordCount)", "baseSequence: \(header.baseSequence)",
            "lastSequence: \(header.hasProducer ? header.lastSequence : -1)",
            "producerId: \(header.producerID.value)", "producerEpoch: \(header.producerEpoch)",
            "partitionLeaderEpoch: \(header.leaderEpoch)",
            "isTransactional: \(attributes.contains(.transactional))",
            "isControl: \(attributes.contains(.control))", "deleteHorizonMs: \(horizon)",
            "position: \(position)", "\(timeName(attributes)): \(header.maxTimestampMilliseconds)",
            "size: \(header.batchByteCount)", "magic: \(header.magic)",
            "compresscodec: \(header.compression.map { "\($0)" } ?? "\(attributes.compressionNumber)")",
            "crc: \(header.crc)", "isvalid: \(isValid)",
        ].joined(separator: " ")
    }

    private static func timeName(_ attributes: RecordBatchAttributes) -> String {
        attributes.contains(.appendTime) ? "LogAppendTime" : "CreateTime"
    }

    private func printRecords(_ batch: borrowing RecordBatchView) throws {
        var payload = GrowingBytes()
        guard let compression = batch.header.compression else { return }
        var decompressor = Decompressor()
        try decompressor.decompress(
            batch.payload, as: compression, into: &payload, limit: Self.decompressedLimit)
        var cursor = RecordCursor(payload.span, count: Int(batch.header.recordCount))
        let time = Self.timeName(batch.header.attributes)
        while let record = try cursor.next() {
            let sequence =
                batch.header.hasProducer
                ? "\(batch.header.baseSequence &+ record.offsetDelta)" : "-1"
            var line =
                "| offset: \(batch.offset(of: record).value) "
                + "\(time): \(batch.timestampMilliseconds(of: record)) "
                + "keySize: \(record.key?.byteCount ?? -1) "
                + "valueSize: \(record.value?.byteCount ?? -1) sequence: \(sequence) headerKeys: ["
            var headers = record.headers.makeCursor()
            var isFirst = true
            while let header = try headers.next() {
                line += (isFirst ? "" : ",") + Self.text(header.name)
                isFirst = false
            }
            line += "]"
            if let key = record.key { line += " key: \(Self.text(key))" }
            if let value = record.value { line += " payload: \(Self.text(value))" }
            Swift.print(line)
        }
    }

    /// Bytes for a terminal: what is no printable text is shown as `\\xNN`.
    private static func text(_ bytes: RawSpan) -> String {
        var text = ""
        for character in String(decoding: Array(copying: bytes), as: UTF8.self).unicodeScalars {
            if character.properties.isDefaultIgnorableCodePoint || character.value < 0x20
                || character.value == 0x7F
            {
                let digits = String(character.value, radix: 16)
                text += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
            } else {
                text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
