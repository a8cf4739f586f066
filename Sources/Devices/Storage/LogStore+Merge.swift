import Model

extension LogStore {
    /// So many small neighbours are worth a merge.
    private static let neighbourCount = 8
    /// So much is merged at once at most.
    private static let mergeByteCountLimit = 1 << 30

    /// Begins a merge where there is something to gain: after the segments have changed.
    func planMerge() {
        guard areSegmentsChanged, !isMerging else { return }
        areSegmentsChanged = false
        let neighbours = smallNeighbours()
        let runs = neighbours + leftInDeadFiles(but: Set(neighbours.flatMap(\.segments)))
        guard !runs.isEmpty else { return }
        isMerging = true
        let limits = SegmentLimits(
            segmentByteCount: options.segmentByteCount, ownFileByteCount: options.ownFileByteCount)
        let starts = runs.reduce(into: [LogID: Offset]()) { $0[$1.log] = logs[$1.log]?.start }
        worker.add(MergeJob(runs, starts: starts, mark: wal.appendedMark, limits: limits))
    }

    func applyMerge(_ result: Result<ManifestSwitch, StorageError>) {
        isMerging = false
        switch result {
        case .success(let change):
            apply(change)
        case .failure(.damaged(let path, let offset)):
            tellDamage(.damaged(path: path, offset: offset))
            // Left as it is from now on.
            unmergeable.insert(path)
            areSegmentsChanged = true
        case .failure(.gone):
            areSegmentsChanged = true
        case .failure:
            // The device; the next change of the segments is early enough.
            break
        }
    }

    private func smallNeighbours() -> [SegmentRun] {
        let count = logs.values.reduce(0) { $0 + $1.segments.count }
        guard count >= options.mergeSegmentCount else { return [] }
        var runs: [SegmentRun] = []
        var byteCount = 0
        for (_, index) in logs.sorted(by: { $0.key < $1.key }) {
            var run = SegmentRun(segments: [])
            func end() {
                if run.segments.count >= Self.neighbourCount,
                    byteCount + run.byteCount <= Self.mergeByteCountLimit
                {
                    byteCount += run.byteCount
                    runs.append(run)
                }
                run.segments = []
            }
            for segment in index.segments {
                if segment.byteCount < options.segmentByteCount / 4, isMergeable(segment) {
                    run.segments.append(segment)
                } else {
                    end()
                }
            }
            end()
        }
        return runs
    }

    /// Of files of which less than half is needed.
    ///
    /// - Parameter taken: moves already; a segment that moved twice would be there twice.
    private func leftInDeadFiles(but taken: Set<SegmentDescriptor>) -> [SegmentRun] {
        var needed: [UInt64: Int] = [:]
        for index in logs.values {
            for segment in index.segments {
                needed[segment.file, default: 0] += segment.byteCountInFile
            }
        }
        var runs: [SegmentRun] = []
        for (_, index) in logs.sorted(by: { $0.key < $1.key }) {
            for segment in index.segments
            where needed[segment.file, default: 0] * 2 < segmentFiles[segment.file] ?? 0
                && isMergeable(segment) && !taken.contains(segment)
            {
                runs.append(SegmentRun(segments: [segment]))
            }
        }
        return runs
    }

    private func isMergeable(_ segment: SegmentDescriptor) -> Bool {
        unmergeable.isEmpty || !unmergeable.contains(path(of: segment))
    }
}
