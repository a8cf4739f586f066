import Model
import Platform

/// Shows the batches of segments to somebody, in order.
final class ScanJob: BackgroundJob {
    typealias Visit = @Sendable (StoredBatch, RawSpan) throws -> Bool

    struct Outcome: Sendable {
        /// How many batches, or stretches of a file without one, could not be shown.
        var damageCount = 0
        /// The first of them.
        var damage: [StorageError] = []
    }

    let urgency = BackgroundUrgency.rewrite
    private let id: UInt64
    private let segments: [SegmentDescriptor]
    private let stopsAtDamage: Bool
    private let visit: Visit
    private var segment = 0
    private var index: SegmentIndex?
    private var page = 0
    private var outcome = Outcome()

    private static let stepByteCount = 1 << 20
    /// More damage than this in one scan is told by the next.
    private static let damageLimit = 1000

    init(id: UInt64, _ segments: [SegmentDescriptor], stopsAtDamage: Bool, _ visit: @escaping Visit) {
        self.id = id
        self.segments = segments
        self.stopsAtDamage = stopsAtDamage
        self.visit = visit
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        var byteCount = 0
        while segment < segments.count {
            guard byteCount < Self.stepByteCount else { return .more }
            guard let more = try showPage(context) else { break }
            byteCount += more
        }
        return .done(.scanned(id: id, .success(outcome)))
    }

    /// - Returns: how many bytes it had; nil where nobody wants to see more.
    private func showPage(_ context: BackgroundContext) throws(StorageError) -> Int? {
        var index: SegmentIndex
        if let open = self.index { index = open } else { index = try open(segments[segment], context) }
        var byteCount = 0
        if page < index.pageCount {
            let entries = try entries(ofPage: page, &index)
            if isAtItsEnd { return nil }
            for entry in entries {
                byteCount += entry.byteCount
                do throws(StorageError) {
                    let bytes = try index.file.batch(
                        at: entry.dataOffset, byteCount: entry.byteCount, checksum: entry.checksum)
                    guard try show(bytes, entry, index.file.path) else { return nil }
                } catch {
                    try note(error)
                    if isAtItsEnd { return nil }
                }
            }
            page += 1
        }
        if page < index.pageCount {
            self.index = index
        } else {
            self.index = nil
            page = 0
            segment += 1
        }
        return byteCount
    }

    private var isAtItsEnd: Bool { stopsAtDamage && outcome.damageCount > 0 }

    /// What a page lists; nothing where it cannot even be made again.
    private func entries(
        ofPage place: Int, _ index: inout SegmentIndex
    ) throws(StorageError) -> [SegmentPage.Entry] {
        let wasRepaired = index.repaired != nil
        var entries: [SegmentPage.Entry] = []
        do throws(StorageError) { entries = try index.page(place).entries } catch { try note(error) }
        if !wasRepaired, let lost = index.repaired?.lost {
            for range in lost { try note(.damaged(path: index.file.path, offset: range.lowerBound)) }
        }
        return entries
    }

    /// - Throws: what is no damage.
    private func note(_ error: StorageError) throws(StorageError) {
        guard case .damaged = error else { throw error }
        outcome.damageCount += 1
        if outcome.damage.count < Self.damageLimit { outcome.damage.append(error) }
    }

    private func show(
        _ bytes: [UInt8], _ entry: SegmentPage.Entry, _ path: String
    ) throws(StorageError) -> Bool {
        do { return try visit(StoredBatch(entry, of: segments[segment]), bytes.span.bytes) } catch {
            // It verifies, and makes no sense all the same.
            throw .damaged(path: path, offset: entry.dataOffset)
        }
    }

    private func open(
        _ segment: SegmentDescriptor, _ context: BackgroundContext
    ) throws(StorageError) -> SegmentIndex {
        guard context.manifest.files[segment.file]?.segments.contains(segment) == true else {
            throw .gone(log: segment.log, offset: segment.baseOffset)
        }
        do {
            let file = try SegmentFile(
                number: segment.file, folder: context.segmentFolder, folderID: context.folderID,
                on: context.fileSystem)
            return SegmentIndex(file: file, segment: segment)
        } catch { throw .failed(error) }
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        .scanned(id: id, .failure(error))
    }
}
