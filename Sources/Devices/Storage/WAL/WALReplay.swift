import Platform

/// Walks all files of the log in order, hands the frames out, and finds where to go on writing.
///
/// What is not a valid frame is either *torn* or *damaged*; this is the rule that tells them apart:
///
/// 1. The log is written in groups, one at a time. A group stays in one file, and what has to be
///    synced in it is acknowledged after it was. Each frame names the start of its group, so a valid header proves that
///    everything before its group was on the device. A mark behind the last frame proves it for
///    all before the mark.
/// 2. The newest file is the last one with a valid header; its *proven end* is the greatest group
///    start of all valid headers in it. Of every older file, all is proven.
/// 3. What is bad before the proven end was good once: damage. It is reported and left as it is,
///    and the walk goes on with the next valid header.
/// 4. What is bad behind the proven end was being written when everything stopped: torn. The log
///    is cut there, and from the cut on the file is zeroed, so that nothing behind it will ever
///    verify again. Whole frames behind the tear are of the same group and go too, as the order of
///    the log is promised. What was cut is kept in a file beside, for people.
/// 5. A bad stretch across the proven end is both: damaged before it, torn from there on.
struct WALReplay {
    /// Where the log goes on.
    struct End {
        var file: WALFile
        var offset: Int
    }

    private let files: WALFiles
    /// Frames before it are not looked at: they were durable, and are known otherwise.
    private let start: WALPosition
    /// Where the log ended at some time: what comes next comes behind it.
    private let held: WALPosition
    private(set) var report = ReplayReport()
    private var changesNothing = false

    /// - Parameters:
    ///   - start: where a frame begins or the log ended once.
    ///   - held: where the log ended once; not before `start`.
    init(_ files: WALFiles, from start: WALPosition, held: WALPosition? = nil) {
        self.files = files
        self.start = start
        self.held = max(held ?? start, start)
    }

    /// Runs once. When it returns, everything that `body` saw is durable.
    mutating func run(
        _ body: (FrameHeader, RawSpan, WALPosition) throws -> Void
    ) throws -> End {
        // A process that was killed may have left names that no sync has seen.
        try files.fileSystem.synchronizeDirectory(files.folder)
        let numbers = try files.numbers().filter { $0 >= start.fileNumber }
        let newest = try newestNumber(numbers)
        var (end, expected) = try walkAll(numbers, newest, body)
        if newest == 0, let first = numbers.first {
            if first > expected { reportMissing(expected...(first - 1)) }
            expected = first
        }
        let (number, offset) = end.map { ($0.file.number, $0.offset) } ?? (expected, WALFile.headerByteCount)
        if held.fileNumber > number || held.fileNumber == number && held.offset > offset {
            // It is lost, from here on. A frame in its place would pass for one that is known already.
            reportLostEnd(behind: held.fileNumber == number ? offset : 0)
            (end, expected) = (nil, held.fileNumber + 1)
        }
        let last = try end ?? emptyFile(number: expected, exists: numbers.contains(expected))
        for number in numbers where number > last.file.number {
            // Made ahead, and no frame was written to it.
            try files.giveBack(number: number)
        }
        return last
    }

    /// As above, but changes nothing, and finds no place to go on.
    mutating func inspect(_ body: (FrameHeader, RawSpan, WALPosition) throws -> Void) throws {
        changesNothing = true
        let numbers = try files.numbers().filter { $0 >= start.fileNumber }
        _ = try walkAll(numbers, try newestNumber(numbers), body)
    }

    /// Through all files up to the newest.
    ///
    /// - Returns: where the log goes on in it, unless it says that another follows, and the number
    ///   of the file behind it.
    private mutating func walkAll(
        _ numbers: [UInt64], _ newest: UInt64,
        _ body: (FrameHeader, RawSpan, WALPosition) throws -> Void
    ) throws -> (end: End?, next: UInt64) {
        var expected = start.fileNumber
        var end: End?
        for number in numbers where number <= newest {
            if number > expected { reportMissing(expected...(number - 1)) }
            expected = number + 1
            let isNewest = number == newest
            let mode: FileOpenMode = isNewest && !changesNothing ? .readWrite : .readOnly
            let file = try files.open(number: number, mode)
            var isRecycled = false
            switch try files.headerState(file) {
            case .whole(let flag): isRecycled = flag
            case .damaged: damage(file, 0..<WALFile.headerByteCount, .fileHeader)
            }
            let outcome = try walk(file, isNewest: isNewest, isRecycled: isRecycled, body)
            guard isNewest else { continue }
            if !changesNothing {
                try makeDurable(file, min(outcome.provenEnd, outcome.end)..<outcome.end)
            }
            if outcome.isClosed {
                try checkNext(expected)
            } else {
                end = End(file: file, offset: outcome.end)
            }
        }
        return (end, expected)
    }

    /// The file behind one that says that another follows was there, with its header, before it said so.
    private mutating func checkNext(_ number: UInt64) throws(SystemError) {
        // Looked for anew: beside a running server it may have been made meanwhile.
        guard try files.numbers().contains(number) else { return reportMissing(number...number) }
        let file = try files.open(number: number, .readOnly)
        if case .damaged = try files.headerState(file) {
            damage(file, 0..<WALFile.headerByteCount, .fileHeader)
        }
    }

    /// The last file with a valid frame header; 0 when there is none.
    private func newestNumber(_ numbers: [UInt64]) throws(SystemError) -> UInt64 {
        for number in numbers.reversed() {
            var scanner = try WALScanner(try files.open(number: number, .readOnly))
            switch try scanner.next() {
            case .frame, .badPayload, .gap: return number
            case .end, nil: break
            }
        }
        return 0
    }

    /// A file without frames to go on in: the one that was made ahead, or a new one.
    private mutating func emptyFile(number: UInt64, exists: Bool) throws(SystemError) -> End {
        if exists {
            let file = try files.open(number: number, .readWrite)
            if case .whole(let isRecycled) = try files.headerState(file) {
                var scanner = try WALScanner(file)
                if !isRecycled, case .end(let offset, let dataEnd)? = try scanner.next(),
                    dataEnd > offset
                {
                    // The first group of this file was torn, header of the first frame and all.
                    try cut(file, offset..<dataEnd, isRecycled: false)
                }
                try file.handle.synchronize()
                return End(file: file, offset: WALFile.headerByteCount)
            }
            try keepAside(file)
        }
        let minimum = WALFile.headerByteCount + WALFile.minimumGrowth
        let file = try files.create(number: number, atLeast: minimum).file
        return End(file: file, offset: WALFile.headerByteCount)
    }

    /// Of a file nothing verifies, not even its header. What is in it is kept for people.
    private mutating func keepAside(_ file: WALFile) throws(SystemError) {
        var scanner = try WALScanner(file)
        guard case .end(let offset, let dataEnd)? = try scanner.next(), dataEnd > offset else { return }
        if !report.damage.contains(where: { $0.path == file.path }) { damage(file, 0..<dataEnd, .fileHeader) }
        try files.fileSystem.keepAside(file.path)
        try files.fileSystem.synchronizeDirectory(files.folder)
    }

    /// Writes back what no later group proves to be on the device, and syncs.
    ///
    /// A sync alone is not enough: where one has failed before, the kernel takes for written what it
    /// holds in memory alone, and would not write it again. Source: fsync(2).
    private func makeDurable(_ file: WALFile, _ range: Range<Int>) throws(SystemError) {
        try WALFiles.forEachPiece(of: range) { piece throws(SystemError) in
            let bytes = try file.handle.read(at: piece.lowerBound, byteCount: piece.count)
            try file.handle.writeFully(bytes.span.bytes, at: piece.lowerBound)
        }
        try file.handle.synchronize()
    }

    // MARK: One file

    private struct Outcome {
        /// Behind the last frame that counts.
        var end = WALFile.headerByteCount
        /// Before it everything was on the device when what follows was written.
        var provenEnd = WALFile.headerByteCount
        /// It ends with the frame that says that another file follows.
        var isClosed = false
    }

    private mutating func walk(
        _ file: WALFile, isNewest: Bool, isRecycled: Bool,
        _ body: (FrameHeader, RawSpan, WALPosition) throws -> Void
    ) throws -> Outcome {
        let first =
            file.number == start.fileNumber
            ? max(start.offset, WALFile.headerByteCount) : WALFile.headerByteCount
        var scanner = try WALScanner(file, from: first)
        var outcome = Outcome(end: first, provenEnd: first)
        // Found out when the first bad stretch is met.
        var provenEnd = isNewest ? nil : Int.max
        report.fileCount += 1
        while let item = try scanner.next() {
            switch item {
            case .frame(let frame, _) where frame.kind == WALFrame.markKind:
                // Not a part of the log: the next frame is written over it.
                outcome.provenEnd = max(outcome.provenEnd, frame.groupStart)
            case .frame(let frame, let offset):
                outcome.provenEnd = max(outcome.provenEnd, frame.groupStart)
                outcome.end = offset + frame.byteCount
                if frame.kind == WALFrame.endKind {
                    outcome.isClosed = true
                    return outcome
                }
                guard let header = frame.header else {
                    damage(file, offset..<outcome.end, .unknownKind(frame.kind))
                    continue
                }
                let position = WALPosition(file: file.number, offset: offset)
                try scanner.withPayload { payload in try body(header, payload, position) }
                report.frameCount += 1
                report.byteCount += frame.byteCount
            case .badPayload(let frame, let offset):
                if try isTorn(at: offset, in: file, &provenEnd) {
                    try cut(file, outcome.end..<scanner.fileEnd, isRecycled: isRecycled)
                    return outcome
                }
                outcome.end = offset + frame.byteCount
                damage(file, offset..<outcome.end, .payload, frame.header)
            case .gap(let range):
                if try isTorn(at: range.lowerBound, in: file, &provenEnd) {
                    try cut(file, outcome.end..<scanner.fileEnd, isRecycled: isRecycled)
                    return outcome
                }
                if let provenEnd, provenEnd < range.upperBound {
                    outcome.end = provenEnd
                    damage(file, range.lowerBound..<provenEnd, .frameHeader)
                    try cut(file, provenEnd..<scanner.fileEnd, isRecycled: isRecycled)
                    return outcome
                }
                outcome.end = range.upperBound
                damage(file, range, .frameHeader)
            case .end(let offset, let dataEnd):
                if !isNewest {
                    let isData = dataEnd > offset && !isRecycled
                    damage(
                        file, offset..<(isData ? dataEnd : offset),
                        isData ? .frameHeader : .missingEnd)
                } else if dataEnd > offset, !isRecycled {
                    try cut(file, outcome.end..<dataEnd, isRecycled: false)
                }
            }
        }
        return outcome
    }

    private func isTorn(
        at offset: Int, in file: WALFile, _ provenEnd: inout Int?
    ) throws(SystemError) -> Bool {
        if let provenEnd { return offset >= provenEnd }
        var proven = 0
        var scanner = try WALScanner(file, from: offset)
        while let item = try scanner.next() {
            switch item {
            case .frame(let frame, _), .badPayload(let frame, _):
                proven = max(proven, frame.groupStart)
            case .gap, .end: break
            }
        }
        provenEnd = proven
        return offset >= proven
    }

    // MARK: What was found

    private mutating func damage(
        _ file: WALFile, _ range: Range<Int>, _ reason: ReplayReport.Reason,
        _ frame: FrameHeader? = nil
    ) {
        report.damage.append(
            .init(
                path: file.path, offset: range.lowerBound, byteCount: range.count, reason: reason,
                frame: frame))
    }

    private mutating func reportMissing(_ range: ClosedRange<UInt64>) {
        report.damage.append(
            .init(
                path: files.path(range.lowerBound), offset: 0, byteCount: 0,
                reason: .missingFiles(through: range.upperBound), frame: nil))
    }

    private mutating func reportLostEnd(behind offset: Int) {
        let path = files.path(held.fileNumber)
        if report.damage.contains(where: { $0.path == path }) { return }
        report.damage.append(
            .init(
                path: path, offset: offset, byteCount: max(held.offset - offset, 0), reason: .missingEnd,
                frame: nil))
    }

    /// Zeroes `range` and all data behind it, having copied it to a file beside; of a file that was
    /// used before only as far as frames of this log go.
    private mutating func cut(
        _ file: WALFile, _ range: Range<Int>, isRecycled: Bool
    ) throws(SystemError) {
        var cut = ReplayReport.Cut(path: file.path, offset: range.lowerBound)
        var scanner = try WALScanner(file, from: range.lowerBound)
        while let item = try scanner.next() {
            switch item {
            case .frame(let frame, let offset):
                if frame.kind != WALFrame.markKind { cut.wholeFrameCount += 1 }
                cut.byteCount = offset + frame.byteCount - range.lowerBound
            case .badPayload(let frame, let offset):
                cut.byteCount = offset + frame.byteCount - range.lowerBound
            case .gap: break
            case .end(_, let dataEnd):
                if !isRecycled { cut.byteCount = max(cut.byteCount, dataEnd - range.lowerBound) }
            }
        }
        if !changesNothing {
            let end = range.lowerBound + cut.byteCount
            cut.keptAs = try files.moveAway(file, range.lowerBound..<end)
        }
        report.cut = cut
    }
}
