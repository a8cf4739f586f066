import Bytes
import Subjects

/// Messages of another account appear here, under `local` subjects.
final class StreamImport: Sendable {
    let exporter: AccountRouting
    /// What subscriptions of the importing account have to overlap.
    let local: SubjectFilter
    /// From the exporter's subjects to the local ones, and back; nil where they are the same.
    let transform: SubjectTransform?
    private let reversed: SubjectTransform?

    init(
        exporter: AccountRouting, local: SubjectFilter, transform: SubjectTransform?,
        reversed: SubjectTransform?
    ) {
        self.exporter = exporter
        self.local = local
        self.transform = transform
        self.reversed = reversed
    }

    /// What a subscriber to `filter` wants of the exporting account; nil for nothing.
    func filter(for filter: SubjectFilter) -> [UInt8]? {
        guard let common = filter.intersection(with: local) else { return nil }
        guard let reversed else { return Array(common.text.utf8) }
        return reversed.apply(to: common.text).map { Array($0.utf8) }
    }
}
