import DequeModule

/// The subject numbers and sizes of the sequences from `base` on, in chunks of 4,096.
///
/// Each 64 full chunks have a summary, how often each number is among them, where the numbers are few enough; so
/// counting and searching by filter looks at a fraction of the messages of a long stream.
struct LedgerColumns: Sendable {
    /// The sequence of the first place.
    private(set) var base: UInt64
    private var chunks: Deque<LedgerChunk> = []
    /// How many chunks there ever were before the first one, since the last time that all were dropped.
    private var droppedCount = 0
    /// Of group `firstGroup` and those behind it; nil where there are too many numbers.
    private var summaries: Deque<LedgerSummary?> = []
    private var firstGroup = 0

    private static let capacity = UInt64(LedgerChunk.capacity)
    static let groupChunkCount = 64

    init(base: UInt64) {
        self.base = base

    }

    // MARK: Snapshots

    var chunkCount: Int { chunks.count }

    func chunk(_ index: Int) -> LedgerChunk { chunks[index] }

    /// The next chunk of a snapshot. All before it are full.
    mutating func restore(_ chunk: LedgerChunk, numberCount: Int) {
        chunks.append(chunk)
        if chunk.isFull { summarize(numberCount: numberCount) }
    }

    /// Calls `body` with the sequence and number of each message, in order.
    func forEach(_ body: (UInt64, UInt32) -> Void) {
        for (index, chunk) in chunks.enumerated() {
            var place = 0
            while place < chunk.count {
                var number: UInt32 = 0
                let found = chunk.firstPlace(in: place..<chunk.count) {
                    number = $0
                    return true
                }
                guard let found else { break }
                body(base + UInt64(index) * Self.capacity + UInt64(found), number)
                place = found + 1
            }
        }
    }

    // MARK: Reading single places

    func number(at sequence: UInt64) -> UInt32? {
        let (chunk, place) = position(of: sequence)
        return chunks[chunk].number(at: place)
    }

    func size(at sequence: UInt64) -> UInt32? {
        let (chunk, place) = position(of: sequence)
        return chunks[chunk].size(at: place)
    }

    func link(at sequence: UInt64) -> UInt32? {
        let (chunk, place) = position(of: sequence)
        return chunks[chunk].link(at: place)
    }

    // MARK: Searching and counting

    /// The first sequence from `start` on whose number `isWanted`. `start` is among those that are there.
    @inline(__always)
    func next(
        from start: UInt64, inChunk mayHold: (LedgerChunk) -> Bool,
        inGroup mayBeIn: (LedgerSummary) -> Bool, where isWanted: (UInt32) -> Bool
    ) -> UInt64? {
        var (chunk, place) = position(of: start)
        while chunk < chunks.count {
            if place == 0, let summary = summary(from: chunk), !mayBeIn(summary) {
                chunk += Self.groupChunkCount
                continue
            }
            if mayHold(chunks[chunk]),
                let found = chunks[chunk].firstPlace(in: place..<chunks[chunk].count, where: isWanted)
            {
                return base + UInt64(chunk) * Self.capacity + UInt64(found)
            }
            chunk += 1
            place = 0
        }
        return nil
    }

    /// The last sequence up to `last`, which is there, whose number `isWanted`.
    @inline(__always)
    func previous(
        from last: UInt64, inChunk mayHold: (LedgerChunk) -> Bool,
        inGroup mayBeIn: (LedgerSummary) -> Bool, where isWanted: (UInt32) -> Bool
    ) -> UInt64? {
        var (chunk, place) = position(of: last)
        while chunk >= 0 {
            let groupStart = chunk - Self.groupChunkCount + 1
            if place == LedgerChunk.capacity - 1, groupStart >= 0,
                let summary = summary(from: groupStart), !mayBeIn(summary)
            {
                chunk = groupStart - 1
                continue
            }
            if mayHold(chunks[chunk]),
                let found = chunks[chunk].lastPlace(in: 0..<place + 1, where: isWanted)
            {
                return base + UInt64(chunk) * Self.capacity + UInt64(found)
            }
            chunk -= 1
            place = LedgerChunk.capacity - 1
        }
        return nil
    }

    /// How many messages from `start` through `last` have a number that `isWanted`. Both are there.
    func count(
        from start: UInt64, through last: UInt64, where isWanted: (UInt32) -> Bool
    ) -> UInt64 {
        var total: UInt64 = 0
        forEachStretch(from: start, through: last) { chunk, range in
            chunks[chunk].forEachNumber(in: range) { if isWanted($0) { total += 1 } }
        } group: { summary in
            total += summary.count(where: isWanted)
            return true
        }
        return total
    }

    /// How many messages there are from `start` through `last`. Both are there.
    func liveCount(from start: UInt64, through last: UInt64) -> UInt64 {
        var total = 0
        forEachStretch(from: start, through: last) { chunk, range in
            total += chunks[chunk].liveCount(in: range)
        } group: { _ in false }
        return UInt64(total)
    }

    /// Calls `body` with sequence and packed size of each message from `start` through `last`. Both are there.
    @inline(__always)
    func forEachSize(from start: UInt64, through last: UInt64, _ body: (UInt64, UInt32) -> Void) {
        forEachStretch(from: start, through: last) { chunk, range in
            let first = base + UInt64(chunk) * Self.capacity
            chunks[chunk].forEachSize(in: range) { body(first + UInt64($0), $1) }
        } group: { _ in false }
    }

    /// - Parameter group: returns whether the summary has told all of 64 chunks.
    @inline(__always)
    private func forEachStretch(
        from start: UInt64, through last: UInt64, chunk body: (Int, Range<Int>) -> Void,
        group: (LedgerSummary) -> Bool
    ) {
        var (chunk, place) = position(of: start)
        let (lastChunk, lastPlace) = position(of: last)
        while chunk <= lastChunk {
            if place == 0, chunk + Self.groupChunkCount <= lastChunk, let summary = summary(from: chunk),
                group(summary)
            {
                chunk += Self.groupChunkCount
                continue
            }
            body(chunk, place..<(chunk == lastChunk ? lastPlace + 1 : chunks[chunk].count))
            chunk += 1
            place = 0
        }
    }

    /// The summary of the group that begins with `chunk`.
    private func summary(from chunk: Int) -> LedgerSummary? {
        let ordinal = droppedCount + chunk
        guard ordinal % Self.groupChunkCount == 0 else { return nil }
        let group = ordinal / Self.groupChunkCount - firstGroup
        return group >= 0 && group < summaries.count ? summaries[group] : nil
    }

    // MARK: Changing

    mutating func append(number: UInt32, size: UInt32, numberCount: Int) {
        openChunk()
        chunks[chunks.count - 1].append(number: number, size: size)
        if chunks[chunks.count - 1].isFull { summarize(numberCount: numberCount) }
    }

    mutating func appendGap(numberCount: Int) {
        openChunk()
        chunks[chunks.count - 1].appendGap()
        if chunks[chunks.count - 1].isFull { summarize(numberCount: numberCount) }
    }

    /// Takes out the message of `number` at `sequence`, which must be there.
    mutating func remove(_ number: UInt32, at sequence: UInt64) {
        let (chunk, place) = position(of: sequence)
        chunks[chunk].remove(at: place)
        let group = (droppedCount + chunk) / Self.groupChunkCount - firstGroup
        if group >= 0, group < summaries.count { summaries[group]?.remove(number) }
    }

    mutating func setLink(_ distance: UInt32, at sequence: UInt64) {
        let (chunk, place) = position(of: sequence)
        chunks[chunk].setLink(distance, at: place)
    }

    /// Lets go of chunks in front that hold nothing and lie below `sequence`.
    mutating func dropFront(below sequence: UInt64) {
        while chunks.count > 1, base + Self.capacity <= sequence, chunks[0].liveCount == 0 {
            chunks.removeFirst()
            base += Self.capacity
            droppedCount += 1
        }
        while !summaries.isEmpty, (firstGroup + 1) * Self.groupChunkCount <= droppedCount {
            summaries.removeFirst()
            firstGroup += 1
        }
    }

    /// Nothing is left; the next place is that of `sequence`.
    mutating func removeAll(next sequence: UInt64) {
        self = LedgerColumns(base: sequence)
    }

    private mutating func openChunk() {
        if chunks.last?.isFull ?? true { chunks.append(LedgerChunk()) }
    }

    /// Where the last chunk completes a group.
    private mutating func summarize(numberCount: Int) {
        let ordinalEnd = droppedCount + chunks.count
        guard ordinalEnd % Self.groupChunkCount == 0 else { return }
        if summaries.isEmpty { firstGroup = ordinalEnd / Self.groupChunkCount - 1 }
        let first = max(0, chunks.count - Self.groupChunkCount)
        summaries.append(
            LedgerSummary(numberCount: numberCount) { count in
                for chunk in chunks[first...] {
                    chunk.forEachNumber(in: 0..<LedgerChunk.capacity, count)
                }
            })
    }

    private func position(of sequence: UInt64) -> (chunk: Int, place: Int) {
        let distance = Int(sequence - base)
        return (distance / LedgerChunk.capacity, distance % LedgerChunk.capacity)
    }
}
