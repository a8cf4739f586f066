import Bytes
import Catalog
import JetStream
import KafkaCoordination
import Model
import Storage

/// What the broker knows beside its large logs, taken at one position of the write-ahead log.
///
/// Layout: docs/formats/snapshot-machines.md.
struct CoreSnapshot: Sendable {
    static let version: UInt8 = 1

    /// A log whose snapshot is a file of its own.
    struct Separate: Sendable {
        var id: LogID
        /// Up to where that file holds; the log has not changed between this and the position of the whole.
        var position: WALPosition
    }

    var catalog: CatalogMachine
    var offsets: CommittedOffsets
    var producerIDs: CoordinationRecord
    /// Logs that are in here.
    var inside: [LogSnapshot] = []
    var separate: [Separate] = []

    private static let pieceByteCount = 64 << 10

    func write(_ write: ([UInt8]) throws -> Void) throws {
        let records = catalog.records
        let coordination = offsets.records + [producerIDs]
        var head = ByteWriter(capacity: 64)
        head.int(Self.version)
        head.int(catalog.nextIDs.stream.value)
        head.int(catalog.nextIDs.log.value)
        head.int(UInt32(records.count))
        head.int(UInt32(coordination.count))
        head.int(UInt32(inside.count))
        head.int(UInt32(separate.count))
        for log in separate {
            head.int(log.id.value)
            head.int(log.position.rawValue)
        }
        try write(head.bytes)
        try Self.inPieces(records, write) { record, writer in
            let bytes = record.encoded()
            writer.unsignedVarint(UInt64(bytes.count))
            writer.append(bytes.span.bytes)
        }
        try Self.inPieces(coordination, write) { record, writer in record.encode(into: &writer) }
        for log in inside {
            var id = ByteWriter(capacity: 4)
            id.int(log.id.value)
            try write(id.bytes)
            try log.write(write)
        }
    }

    private static func inPieces<Element>(
        _ elements: [Element], _ write: ([UInt8]) throws -> Void,
        _ encode: (Element, inout ByteWriter) -> Void
    ) throws {
        var writer = ByteWriter()
        for element in elements {
            encode(element, &writer)
            if writer.count >= pieceByteCount {
                try write(writer.bytes)
                writer = ByteWriter()
            }
        }
        if writer.count > 0 { try write(writer.bytes) }
    }
}

/// The first pieces of what ``CoreSnapshot/write(_:)`` wrote: the catalog, and how much more there is.
struct RestoredCatalog {
    var nextStream: StreamID
    var nextLog: LogID
    var records: [CatalogRecord] = []
    var separate: [LogID: WALPosition] = [:]
    let coordinationCount: Int
    let insideCount: Int

    init(readingSnapshot next: () throws -> [UInt8]?) throws {
        func piece() throws -> [UInt8] {
            guard let piece = try next() else { throw SnapshotFault.missingPiece }
            return piece
        }
        let headBytes = try piece()
        var head = ByteReader(headBytes.span.bytes)
        let version = try head.int(UInt8.self)
        guard version <= CoreSnapshot.version else { throw SnapshotFault.newerVersion(version) }
        nextStream = StreamID(try head.int())
        nextLog = LogID(try head.int())
        let recordCount = Int(try head.int(UInt32.self))
        coordinationCount = Int(try head.int(UInt32.self))
        insideCount = Int(try head.int(UInt32.self))
        let separateCount = Int(try head.int(UInt32.self))
        for _ in 0..<separateCount {
            let id = LogID(try head.int())
            separate[id] = WALPosition(rawValue: try head.int())
        }
        while records.count < recordCount {
            let bytes = try piece()
            var reader = ByteReader(bytes.span.bytes)
            while !reader.isAtEnd {
                let length = Int(clamping: try reader.unsignedVarint())
                records.append(try CatalogRecord(decoding: try reader.bytes(length)))
            }
        }
    }
}

/// What ``CoreSnapshot/write(_:)`` wrote.
struct RestoredCore {
    var nextStream: StreamID
    var nextLog: LogID
    var catalogRecords: [CatalogRecord]
    var coordination: [CoordinationRecord] = []
    /// The pieces of each log that is in here.
    var inside: [LogID: RestoredLog] = [:]
    var separate: [LogID: WALPosition]

    /// - Parameter origin: what a catalog, that of this snapshot, knows of a log.
    init(
        readingSnapshot next: () throws -> [UInt8]?,
        origin: (LogID, CatalogMachine) throws -> RestoredLog.Origin
    ) throws {
        func piece() throws -> [UInt8] {
            guard let piece = try next() else { throw SnapshotFault.missingPiece }
            return piece
        }
        let restored = try RestoredCatalog(readingSnapshot: next)
        nextStream = restored.nextStream
        nextLog = restored.nextLog
        catalogRecords = restored.records
        separate = restored.separate
        while coordination.count < restored.coordinationCount {
            let bytes = try piece()
            coordination += try CoordinationRecord.decodeAll(bytes.span.bytes)
        }
        var catalog = CatalogMachine()
        for record in catalogRecords { catalog.apply(record) }
        for _ in 0..<restored.insideCount {
            let bytes = try piece()
            var reader = ByteReader(bytes.span.bytes)
            let id = LogID(try reader.int())
            inside[id] = try RestoredLog(id, origin: try origin(id, catalog), readingSnapshot: next)
        }
    }
}
