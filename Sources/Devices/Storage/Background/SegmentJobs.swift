import Model
import Platform

/// Takes segments out of the manifest whose offsets are all gone, and segments of deleted logs.
final class DeleteJob: BackgroundJob {
    let urgency = BackgroundUrgency.delete
    /// The first offset that is kept; nil for a log that is gone.
    private let starts: [LogID: Offset?]
    /// Where the write-ahead log was when they were told: what says so in it has to be durable.
    private let mark: UInt64

    init(_ starts: [LogID: Offset?], mark: UInt64) {
        self.starts = starts
        self.mark = mark
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard context.isDurable(mark) else { return .waiting }
        var manifest = context.manifest
        var change = ManifestSwitch()
        manifest.remove(&change) { segment in
            guard let start = starts[segment.log] else { return false }
            return start.map { segment.lastOffset < $0 } ?? true
        }
        if !change.removed.isEmpty { try context.put(manifest) }
        return .done(.switched(change))
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        nil
    }
}

/// Removes segment files that the loop has let go of. Who still reads one can go on.
final class RemoveFilesJob: BackgroundJob {
    let urgency = BackgroundUrgency.release
    private let numbers: [UInt64]

    init(_ numbers: [UInt64]) { self.numbers = numbers }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        for number in numbers {
            do {
                try context.fileSystem.remove(
                    context.segmentFolder + "/" + SegmentFormat.name(number))
            } catch {
                if !error.isMissing { throw .failed(error) }
            }
        }
        return .done(.removed)
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        nil
    }
}

extension Manifest {
    /// Takes segments out, and the files that are left without any.
    mutating func remove(
        _ change: inout ManifestSwitch, where isGone: (SegmentDescriptor) -> Bool
    ) {
        for (number, file) in files {
            let gone = file.segments.filter(isGone)
            if gone.isEmpty { continue }
            change.removed += gone
            let left = file.segments.filter { !isGone($0) }
            if left.isEmpty {
                files[number] = nil
                change.emptied.append(number)
            } else {
                files[number]?.segments = left
            }
        }
        change.emptied.sort()
    }
}
