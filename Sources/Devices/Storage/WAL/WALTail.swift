import DequeModule
import Platform

/// The newest stretch of the log, in memory: everything that is not written yet, and the latest of
/// what is.
struct WALTail {
    private var blocks: Deque<(block: WALBlock, endMark: UInt64)> = []
    private var byteCount = 0
    private let limit: Int

    init(byteCountLimit: Int) {
        limit = byteCountLimit
    }

    /// Adds a block that is complete; `endMark` is what has to be written before it may go.
    mutating func append(_ block: WALBlock, endMark: UInt64) {
        blocks.append((block, endMark))
        byteCount += block.capacity
    }

    /// Lets go of what is more than the limit and in its file.
    ///
    /// - Returns: a block of that capacity that nobody else has, when there was one.
    mutating func trim(written: UInt64, reusable capacity: Int) -> WALBlock? {
        var reusable: WALBlock?
        while byteCount > limit, let first = blocks.first, first.endMark <= written {
            var block = blocks.removeFirst().block
            byteCount -= block.capacity
            if block.capacity == capacity, isKnownUniquelyReferenced(&block) { reusable = block }
        }
        return reusable
    }

    /// The block that a position is in.
    func block(at position: WALPosition) -> WALBlock? {
        index(of: position).map { blocks[$0].block }
    }

    private func index(of position: WALPosition) -> Int? {
        var low = 0
        var high = blocks.count
        while low < high {
            let middle = (low + high) / 2
            let block = blocks[middle].block
            if WALPosition(file: block.file.number, offset: block.fileOffset) <= position {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low > 0 else { return nil }
        let block = blocks[low - 1].block
        guard block.file.number == position.fileNumber, position.offset < block.fileEnd else {
            return nil
        }
        return low - 1
    }
}
