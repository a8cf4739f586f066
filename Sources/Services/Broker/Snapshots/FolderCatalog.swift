public import Catalog
public import Storage

/// The catalog of a data folder that nobody need have open: what the newest whole snapshot knows, and
/// what the write-ahead log says since.
public struct FolderCatalog {
    public private(set) var machine = CatalogMachine()

    /// What cannot be read names nothing; a server reports it at its start.
    ///
    /// - Throws: `StorageError` when the device says no.
    public init(_ folder: FolderInspection) throws {
        var newest: (position: WALPosition, records: [CatalogRecord])?
        for set in 0...1 {
            do {
                guard var reader = try folder.openSnapshot(Broker.coreName(set)) else { continue }
                let position = reader.position
                if let newest, newest.position > position { continue }
                let restored = try RestoredCatalog { try reader.piece() }
                newest = (position, restored.records)
            } catch StorageError.failed(let error) {
                throw StorageError.failed(error)
            } catch {
                continue
            }
        }
        for record in newest?.records ?? [] { machine.apply(record) }
        _ = try folder.forEachFrame { header, payload, position in
            guard header.kind == .catalog, position >= newest?.position ?? .first,
                let record = try? CatalogRecord(decoding: payload)
            else { return }
            machine.apply(record)
        }
    }
}
