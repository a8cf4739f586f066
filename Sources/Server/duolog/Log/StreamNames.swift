import Broker
import Catalog
import Model
import Storage

/// What the logs of a data folder are called, as its catalog says.
struct StreamNames {
    struct Name {
        var stream: String
        var account: String
        var partition: Int
        var partitionCount: Int

        /// The stream, with its partition where there are several.
        var text: String { partitionCount == 1 ? stream : "\(stream)@\(partition)" }

        /// By its stream, or as it is shown.
        func isCalled(_ name: String) -> Bool { name == stream || name == text }
    }

    private var names: [LogID: Name] = [:]

    /// - Throws: `StorageError`.
    init(_ inspection: FolderInspection) throws {
        let catalog = try FolderCatalog(inspection).machine
        for stream in catalog.streams.values {
            for (partition, log) in stream.logs.enumerated() {
                names[log] = Name(
                    stream: stream.name, account: stream.account, partition: partition,
                    partitionCount: stream.logs.count)
            }
        }
    }

    subscript(log: LogID) -> Name? { names[log] }

    func has(_ stream: String) -> Bool { names.values.contains { $0.isCalled(stream) } }

    var logs: [LogID] { names.keys.sorted() }

    /// For people: the name, or the number of a log that the catalog does not know.
    func text(_ log: LogID) -> String { names[log]?.text ?? "log \(log.value)" }
}
