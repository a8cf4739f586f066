import Bytes
import Model

/// Makes the index of a segment again where it is damaged, from the pages that are whole and from
/// the batches themselves.
///
/// A batch says its offsets, its length and its largest timestamp, and has a checksum (Kafka's,
/// behind byte 21). Only its append time is lost with the page: it becomes that of the last batch
/// before the damage that is known. Batches that do not verify are left out and told.
struct SegmentRepair {
    struct Outcome: Sendable {
        var pages: [SegmentPage] = []
        /// Stretches of the file in which no batch was found.
        var lost: [Range<Int>] = []

        /// Whether every batch was found, so that nothing of the segment is missing in what is made of these pages.
        func hasAll(of segment: SegmentDescriptor) -> Bool {
            lost.isEmpty && pages.reduce(0) { $0 + $1.entries.count } == segment.batchCount
        }
    }

    let file: SegmentFile
    let segment: SegmentDescriptor

    func run() throws(StorageError) -> Outcome {
        var outcome = Outcome()
        var position = segment.dataOffset
        var time = segment.firstAppendTime
        for page in try wholePages() {
            if page.head.dataOffset > position {
                try walk(position..<page.head.dataOffset, below: page.head.baseOffset, time, &outcome)
            }
            outcome.pages.append(page)
            if let last = page.entries.last {
                position = last.dataOffset + last.byteCount
                time = last.appendTime
            }
        }
        if position < segment.dataEnd { try walk(position..<segment.dataEnd, below: nil, time, &outcome) }
        return outcome
    }

    /// The pages that hold, found through either of their two heads.
    private func wholePages() throws(StorageError) -> [SegmentPage] {
        var pages: [SegmentPage] = []
        var next = segment.indexOffset
        for place in 0..<segment.pageCount {
            var head = try file.head(place, of: segment)
            if head == nil {
                let bytes = try file.read(SegmentPage.headByteCount, at: next)
                head = SegmentPage.Head(verifying: bytes.span.bytes, seed: file.seed)
            }
            guard let head, isInside(head) else { continue }
            next = head.offset + head.byteCount
            var bytes = try file.read(head.byteCount, at: head.offset)
            // The head in front of the body may be the damaged one of the two.
            let good = head.bytes(seed: file.seed)
            guard bytes.count == head.byteCount else { continue }
            bytes.replaceSubrange(0..<SegmentPage.headByteCount, with: good)
            if let page = SegmentPage(verifying: bytes.span.bytes, seed: file.seed) {
                pages.append(page)
            }
        }
        return pages
    }

    private func isInside(_ head: SegmentPage.Head) -> Bool {
        head.offset >= segment.indexOffset
            && head.offset + head.byteCount <= segment.indexOffset + segment.indexByteCount
            && head.dataOffset >= segment.dataOffset && head.dataOffset <= segment.dataEnd
    }

    /// Finds the batches of a stretch by their own headers.
    ///
    /// - Parameter end: the first offset behind the stretch, where a page says it.
    private func walk(
        _ range: Range<Int>, below end: Offset?, _ time: Timestamp, _ outcome: inout Outcome
    ) throws(StorageError) {
        var position = range.lowerBound
        var next = outcome.pages.last?.entries.last?.lastOffset.advanced(by: 1) ?? segment.baseOffset
        let end = end ?? segment.lastOffset.advanced(by: 1)
        var entries: [SegmentPage.Entry] = []
        func endPage() {
            guard let first = entries.first else { return }
            let before = outcome.pages.last?.head
            outcome.pages.append(
                SegmentPage(
                    head: .init(
                        batchCount: entries.count, dataOffset: first.dataOffset,
                        baseOffset: first.baseOffset, firstAppendTime: time,
                        maxAppendTime: max(before?.maxAppendTime ?? time, time),
                        maxTimestampMilliseconds: entries.reduce(
                            before?.maxTimestampMilliseconds ?? .min
                        ) { max($0, $1.maxTimestampMilliseconds) }), entries: entries))
            entries = []
        }
        while position < range.upperBound {
            guard let entry = try batch(at: position, in: range, next..<max(next, end), time) else {
                outcome.lost.append(position..<range.upperBound)
                break
            }
            entries.append(entry)
            position += entry.byteCount
            next = entry.lastOffset.advanced(by: 1)
            if entries.count == SegmentPage.batchLimit { endPage() }
        }
        endPage()
    }

    /// - Parameter offsets: what it may have of them. Its base offset has no checksum but that in the index.
    private func batch(
        at position: Int, in range: Range<Int>, _ offsets: Range<Offset>, _ time: Timestamp
    ) throws(StorageError) -> SegmentPage.Entry? {
        let head = try file.read(BatchField.headerByteCount, at: position)
        guard head.count == BatchField.headerByteCount,
            case let byteCount = BatchField.byteCount(of: head.span.bytes),
            byteCount >= BatchField.headerByteCount, byteCount <= range.upperBound - position
        else { return nil }
        let bytes = try file.read(byteCount, at: position)
        guard bytes.count == byteCount, BatchField.isIntact(bytes.span.bytes) else { return nil }
        let base = Offset(bytes.span.bytes.int(at: 0, as: Int64.self))
        let delta = bytes.span.bytes.int(at: BatchField.lastOffsetDelta, as: Int32.self)
        guard offsets.contains(base), delta >= 0, Int64(delta) < offsets.upperBound.value - base.value
        else { return nil }
        return SegmentPage.Entry(
            baseOffset: base, lastOffset: base.advanced(by: Int(delta)), dataOffset: position,
            byteCount: byteCount, appendTime: time,
            maxTimestampMilliseconds: BatchField.maxTimestamp(of: bytes.span.bytes),
            checksum: crc32c(bytes.span.bytes))
    }
}
