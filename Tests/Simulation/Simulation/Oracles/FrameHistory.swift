import Model
import Storage

/// The oracle of the write-ahead log: everything that was appended, in order, and what of it was
/// promised.
///
/// After a restart the frames that come back must be a beginning of the history, byte for byte, with
/// at least all that was acknowledged or shown before. What came back is then a promise itself, and
/// what did not is gone for good.
struct FrameHistory {
    struct Frame {
        var header: FrameHeader
        var contentSeed: UInt64
        /// When the log's durable mark has reached this, the frame is promised.
        var mark: UInt64
        var position: WALPosition
        /// How many frames of the history were durable when this one was appended: the group that it
        /// was written with proves that they were.
        var durableBefore: Int
        /// Bits of it were flipped on the device.
        var isDamaged = false
    }

    private(set) var frames: [Frame] = []
    /// So many frames from the start must come back.
    private(set) var promisedCount = 0
    /// So many must come back if the power was not lost meanwhile: they were written, synced or not.
    private var writtenCount = 0

    mutating func append(_ frame: Frame) { frames.append(frame) }

    /// The log said that everything up to `mark` is durable.
    mutating func promise(upTo mark: UInt64) {
        while promisedCount < frames.count, frames[promisedCount].mark <= mark { promisedCount += 1 }
    }

    /// The process has ended when everything up to `mark` was written.
    mutating func promiseWhilePowerLasts(upTo mark: UInt64) {
        writtenCount = frames.prefix { $0.mark <= mark }.count
    }

    mutating func powerIsLost() { writtenCount = 0 }

    mutating func damage(_ index: Int) { frames[index].isDamaged = true }

    /// How many of the first `most` frames must come back, damaged or not, however often the end was cut.
    ///
    /// The damage of a frame is told from a torn end by a frame behind it that was written when it
    /// was durable, or in a later file; without one the log may be cut there, with all behind it.
    /// Source: docs/formats/wal.md, "Torn or damaged".
    private func provenCount(of most: Int) -> Int {
        var count = most
        while let doubtful = (0..<count).first(where: { index in
            frames[index].isDamaged
                && !(index + 1..<count).contains { other in
                    !frames[other].isDamaged
                        && (frames[other].durableBefore > index
                            || frames[other].position.fileNumber
                                > frames[index].position.fileNumber)
                }
        }) {
            count = doubtful
        }
        return count
    }

    /// Compares what a start found with the history, and takes it as the history from here on.
    ///
    /// - Parameter mayBeCut: a start before this one failed, when it may have cut the log already.
    mutating func check(
        _ seen: [(header: FrameHeader, contentSeed: UInt64?, position: WALPosition)],
        _ report: ReplayReport, mayBeCut: Bool
    ) throws(Failure) {
        // Nothing may be left out but frames that are damaged.
        var next = 0
        var skipped: [Int] = []
        for (index, frame) in seen.enumerated() {
            while next < frames.count, frames[next].isDamaged {
                skipped.append(next)
                next += 1
            }
            try demand(next < frames.count, "frame \(index) came back from the dead: \(frame.header)")
            let expected = frames[next]
            try demand(
                frame.header == expected.header && frame.position == expected.position
                    && frame.contentSeed == expected.contentSeed,
                """
                frame \(next) of \(frames.count) reads as \(frame.header) at \(frame.position), \
                content \(frame.contentSeed as Any); appended was \(expected.header) at \
                \(expected.position), content \(expected.contentSeed)
                """)
            next += 1
        }
        while next < frames.count, frames[next].isDamaged, isReported(frames[next], report) {
            skipped.append(next)
            next += 1
        }
        let expected = mayBeCut ? promisedCount : max(promisedCount, writtenCount)
        let required = mayBeCut || report.cut != nil ? provenCount(of: expected) : expected
        try demand(
            next >= required,
            "only \(next) of \(required) promised frames came back; cut: \(report.cut as Any)")
        try checkDamage(skipped, report)
        frames.removeSubrange(next...)
        promisedCount = next
        writtenCount = 0
        for index in frames.indices { frames[index].mark = 0 }
    }

    /// Each damaged frame is reported at its place, and nothing else is.
    private func checkDamage(_ skipped: [Int], _ report: ReplayReport) throws(Failure) {
        for index in skipped {
            try demand(
                isReported(frames[index], report),
                """
                damage of frame \(index) at \(frames[index].position) is not reported: \
                \(report.damage)
                """)
        }
        for damage in report.damage {
            try demand(
                skipped.contains { isReported(frames[$0], damage) },
                "damage where nothing was damaged: \(damage)")
        }
    }

    private func isReported(_ frame: Frame, _ report: ReplayReport) -> Bool {
        report.damage.contains { isReported(frame, $0) }
    }

    /// Two damaged frames in a row may be one stretch.
    private func isReported(_ frame: Frame, _ damage: ReplayReport.Damage) -> Bool {
        damage.path.hasSuffix(Self.fileName(frame.position.fileNumber))
            && damage.offset <= frame.position.offset
            && damage.offset + damage.byteCount
                >= frame.position.offset + 56 + frame.header.payloadByteCount
    }

    static func fileName(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 20 - digits.count) + digits + ".wal"
    }
}
