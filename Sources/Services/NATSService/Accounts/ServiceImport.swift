import Bytes
import ServerConfig
import Subjects

/// Requests to `local` here go to a service of another account.
final class ServiceImport: Sendable {
    let importer: AccountRouting
    let exporter: AccountRouting
    /// The filter that requests are published to in the importing account.
    let local: [UInt8]
    let response: ResponseType
    let thresholdNanoseconds: Int64
    /// Whether the service is told more of who asks than the account.
    let shares: Bool
    private let target: Target

    /// What the request is called in the exporting account.
    enum Target: Sendable {
        case same
        case fixed([UInt8])
        case transform(SubjectTransform)
    }

    static let defaultThresholdNanoseconds: Int64 = 120_000_000_000

    init(
        importer: AccountRouting, exporter: AccountRouting, local: String, target: Target,
        response: ResponseType, thresholdNanoseconds: Int64?, shares: Bool
    ) {
        self.importer = importer
        self.exporter = exporter
        self.local = Array(local.utf8)
        self.target = target
        self.response = response
        self.thresholdNanoseconds = thresholdNanoseconds ?? Self.defaultThresholdNanoseconds
        self.shares = shares
    }

    /// Nil where the transform has nothing for it.
    func subject(for published: RawSpan) -> [UInt8]? {
        switch target {
        case .same: [UInt8](copying: published)
        case .fixed(let subject): subject
        case .transform(let transform): transform.apply(to: published)
        }
    }
}
