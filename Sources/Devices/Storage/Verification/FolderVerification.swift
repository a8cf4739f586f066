import Model
import Platform

/// What ``FolderInspection/verify(_:)`` found.
public struct FolderVerification: Sendable {
    public var logFileCount = 0
    public var frameCount = 0
    public var segmentCount = 0
    public var batchCount = 0
    public var snapshotCount = 0
    /// Of everything that was compared with its checksum.
    public var byteCount = 0
    /// Behind the last whole frame: a group that was being written.
    public var unfinishedByteCount = 0
    public var damage: [ReplayReport.Damage] = []
    public var damagedSnapshots: [String] = []

    public var isWhole: Bool { damage.isEmpty && damagedSnapshots.isEmpty }
}

extension FolderInspection {
    /// Reads everything and compares it with its checksums, one frame or batch after the other.
    ///
    /// - Parameter told: each damage as soon as it is found.
    /// - Throws: `StorageError` when the device says no.
    public func verify(
        _ told: (ReplayReport.Damage) -> Void = { _ in }
    ) throws -> FolderVerification {
        var result = FolderVerification()
        func tell(_ damage: [ReplayReport.Damage]) {
            damage.forEach(told)
            result.damage += damage
        }
        result.logFileCount = try logFiles().count { !$0.isReleased }
        let log = try forEachFrame { header, _, _ in
            result.frameCount += 1
            result.byteCount += header.payloadByteCount
        }
        result.unfinishedByteCount = log.unfinishedByteCount
        tell(log.damage)
        let (segments, known) = try segments()
        tell(known)
        for segment in segments { tell(try verify(segment, &result)) }
        tell(try damagedFrames(of: segments))
        let (whole, damaged) = try snapshots()
        let first = try logFiles().first { !$0.isReleased }
        if whole.isEmpty, damaged.isEmpty, first.map({ $0.number > 1 }) ?? !segments.isEmpty {
            // What the files before it had is in snapshots alone.
            tell([.init(path: path + "/snapshots", offset: 0, byteCount: 0, reason: .missingSnapshots, frame: nil)])
        }
        result.snapshotCount = whole.count
        result.byteCount += whole.reduce(0) { $0 + $1.byteCount }
        result.damagedSnapshots = damaged
        return result
    }

    /// The headers, directories and footers of segment files. Nothing needs them but a manifest that has to be made again.
    private func damagedFrames(of segments: [SegmentDescriptor]) throws -> [ReplayReport.Damage] {
        var damage: [ReplayReport.Damage] = []
        for number in Set(segments.map(\.file)).sorted() {
            let path = segmentFolder + "/" + SegmentFormat.name(number)
            do throws(SystemError) {
                let handle = try fileSystem.open(path, .readOnly)
                let header = try handle.read(at: 0, byteCount: SegmentFormat.headerByteCount)
                if !SegmentFormat.isValidHeader(header, number: number, folderID: folderID) {
                    damage.append(.init(path: path, offset: 0, byteCount: header.count, reason: .fileHeader, frame: nil))
                }
                let seed = SegmentFormat.seed(folder: folderID, file: number)
                if try SegmentFormat.directory(of: handle, number: number, seed: seed) == nil {
                    let end = try handle.byteCount()
                    damage.append(.init(path: path, offset: end, byteCount: 0, reason: .directory, frame: nil))
                }
            } catch {
                // One that is not there was told with its segments.
                if !error.isMissing { throw StorageError.failed(error) }
            }
        }
        return damage
    }

    private func verify(
        _ segment: SegmentDescriptor, _ result: inout FolderVerification
    ) throws -> [ReplayReport.Damage] {
        result.segmentCount += 1
        guard let reader = try reader(of: segment) else {
            // Beside a running server it may have been rewritten meanwhile.
            if try !segments().segments.contains(segment) { return [] }
            return [damage(.segmentFile, 0..<0, FrameHeader(segment), segment)]
        }
        var damage: [ReplayReport.Damage] = []
        for range in try reader.damagedIndexRanges() {
            damage.append(self.damage(.index, range, FrameHeader(segment), segment))
        }
        var batchCount = 0
        do {
            try reader.forEachBatch { batch in
                guard case .segment(_, let offset, _) = batch.place else { return }
                batchCount += 1
                damage.append(
                    self.damage(
                        .payload, offset..<offset + batch.byteCount,
                        FrameHeader(
                            kind: .batch, log: batch.log, baseOffset: batch.baseOffset,
                            lastOffset: batch.lastOffset, appendTime: batch.appendTime,
                            payloadByteCount: batch.byteCount), segment))
            } _: { _, bytes in
                batchCount += 1
                result.byteCount += bytes.byteCount
            }
        } catch StorageError.damaged(_, let offset) {
            damage.append(
                self.damage(.index, offset..<offset, FrameHeader(segment), segment))
        }
        result.batchCount += batchCount
        if batchCount < segment.batchCount, damage.allSatisfy({ $0.reason == .index }) {
            damage.append(
                self.damage(
                    .payload, segment.dataOffset..<segment.dataEnd, FrameHeader(segment), segment))
        }
        return damage
    }

    private func damage(
        _ reason: ReplayReport.Reason, _ range: Range<Int>, _ frame: FrameHeader,
        _ segment: SegmentDescriptor
    ) -> ReplayReport.Damage {
        ReplayReport.Damage(
            path: path(of: segment), offset: range.lowerBound, byteCount: range.count,
            reason: reason, frame: frame)
    }
}
