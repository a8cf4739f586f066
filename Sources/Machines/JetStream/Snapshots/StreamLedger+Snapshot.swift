import Bytes

extension StreamLedger {
    private static let chunksInPiece = 16

    /// One piece with the totals, then 1,024 subjects a piece, then 16 chunks a piece.
    func writeSnapshot(_ write: ([UInt8]) throws -> Void) throws {
        var head = ByteWriter(capacity: 64)
        head.int(firstSequence)
        head.int(lastSequence)
        head.int(messageCount)
        head.int(byteCount)
        head.int(UInt32(subjects.numberCount))
        head.int(columns.base)
        head.int(UInt32(columns.chunkCount))
        try write(head.bytes)
        for start in stride(from: 0, to: subjects.numberCount, by: SubjectTable.pageNumberCount) {
            var writer = ByteWriter(capacity: 32 << 10)
            let end = min(start + SubjectTable.pageNumberCount, subjects.numberCount)
            for number in start..<end { encodeSubject(UInt32(number), into: &writer) }
            try write(writer.bytes)
        }
        for start in stride(from: 0, to: columns.chunkCount, by: Self.chunksInPiece) {
            var writer = ByteWriter(capacity: 128 << 10)
            for index in start..<min(start + Self.chunksInPiece, columns.chunkCount) {
                columns.chunk(index).encode(into: &writer)
            }
            try write(writer.bytes)
        }
    }

    /// `uvarint messages`; for 0 nothing more, a number that is free. Else `i8 whether the last is only a bound`, the last
    /// sequence, how far the first is before it, and the subject with its length: all uvarints.
    private func encodeSubject(_ number: UInt32, into writer: inout ByteWriter) {
        let count = subjects.count(of: number)
        writer.unsignedVarint(count)
        guard count > 0 else { return }
        let last = subjects.lastBound(of: number)
        writer.int(UInt8(subjects.isLastExact(of: number) ? 0 : 1))
        writer.unsignedVarint(last)
        writer.unsignedVarint(last - min(last, subjects.firstBound(of: number)))
        subjects.withSubject(of: number) { subject in
            writer.unsignedVarint(UInt64(subject.byteCount))
            writer.append(subject)
        }
    }

    init(readingSnapshot next: () throws -> [UInt8]?) throws {
        func piece() throws -> [UInt8] {
            guard let piece = try next() else { throw SnapshotFault.missingPiece }
            return piece
        }
        let headBytes = try piece()
        var head = ByteReader(headBytes.span.bytes)
        let first: UInt64 = try head.int()
        let last: UInt64 = try head.int()
        let messageCount: UInt64 = try head.int()
        let byteCount: UInt64 = try head.int()
        let numberCount = Int(try head.int(UInt32.self))
        let base: UInt64 = try head.int()
        let chunkCount = Int(try head.int(UInt32.self))
        guard base <= first, first <= last &+ 1, messageCount <= last &+ 1 - first else {
            throw SnapshotFault.inconsistent("\(messageCount) messages in \(first)...\(last)")
        }
        var subjects = SubjectTable()
        for start in stride(from: 0, to: numberCount, by: SubjectTable.pageNumberCount) {
            let bytes = try piece()
            var reader = ByteReader(bytes.span.bytes)
            for _ in start..<min(start + SubjectTable.pageNumberCount, numberCount) {
                try Self.decodeSubject(&reader, into: &subjects)
            }
        }
        subjects.finishRestoring()
        var columns = LedgerColumns(base: base)
        var liveCount = 0
        var placeCount = 0
        for start in stride(from: 0, to: chunkCount, by: Self.chunksInPiece) {
            let bytes = try piece()
            var reader = ByteReader(bytes.span.bytes)
            for _ in start..<min(start + Self.chunksInPiece, chunkCount) {
                guard placeCount % LedgerChunk.capacity == 0 else {
                    throw SnapshotFault.inconsistent("a chunk behind one that is not full")
                }
                let chunk = try LedgerChunk(decoding: &reader)
                liveCount += chunk.liveCount
                placeCount += chunk.count
                columns.restore(chunk, numberCount: numberCount)
            }
        }
        guard UInt64(liveCount) == messageCount, base + UInt64(placeCount) == last &+ 1 else {
            throw SnapshotFault.inconsistent("\(liveCount) messages in \(placeCount) places from \(base)")
        }
        self.init(
            firstSequence: first, lastSequence: last, messageCount: messageCount,
            byteCount: byteCount, subjects: subjects, columns: columns)
    }

    private static func decodeSubject(
        _ reader: inout ByteReader, into subjects: inout SubjectTable
    ) throws {
        let count = try reader.unsignedVarint()
        guard count > 0 else { return subjects.restoreFree() }
        let isLastStale = try reader.int(UInt8.self) != 0
        let last = try reader.unsignedVarint()
        let distance = try reader.unsignedVarint()
        guard distance <= last else { throw SnapshotFault.inconsistent("first behind last") }
        let length = try reader.unsignedVarint()
        let subject = try reader.bytes(Int(clamping: length))
        subjects.restore(
            subject, count: count, first: last - distance, last: last, isLastStale: isLastStale)
    }
}
