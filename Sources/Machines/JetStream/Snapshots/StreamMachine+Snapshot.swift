import Bytes
public import JetStreamAPI
public import Model

extension StreamMachine {
    private static let entriesInPiece = 4096

    /// About how many bytes ``writeSnapshot(_:)`` writes, without counting them.
    public var expectedSnapshotByteCount: Int {
        ledger.subjects.numberCount * 32 + Int(ledger.messageCount) + dedupe.count * 40
            + ageless.count * 8
    }

    /// Writes everything but the configuration, which is the catalog's. May run on any thread.
    ///
    /// - Parameter write: takes one piece after the other; what it throws is thrown on.
    public func writeSnapshot(_ write: ([UInt8]) throws -> Void) throws {
        let endings = endings.entries.filter { ledger.contains($0.sequence) }
        let ageless = ageless.sorted()
        var head = ByteWriter(capacity: 64)
        head.int(SnapshotVersion.stream)
        head.int(lastTime?.nanoseconds ?? .min)
        head.counted(lastMessageID)
        head.int(UInt32(endings.count))
        head.int(UInt32(ageless.count))
        head.int(UInt32(dedupe.entryCount))
        try write(head.bytes)
        try ledger.writeSnapshot(write)
        try Self.inPieces(endings, write) { entry, writer in
            writer.int(entry.deadline)
            writer.int(entry.sequence)
        }
        try Self.inPieces(ageless, write) { sequence, writer in writer.int(sequence) }
        try Self.inPieces(dedupe.entries, write) { entry, writer in
            writer.counted(entry.id)
            writer.unsignedVarint(entry.sequence)
            writer.int(entry.time.nanoseconds)
        }
    }

    private static func inPieces<Elements: Sequence>(
        _ elements: Elements, _ write: ([UInt8]) throws -> Void,
        _ encode: (Elements.Element, inout ByteWriter) -> Void
    ) throws {
        var writer = ByteWriter()
        var count = 0
        for element in elements {
            encode(element, &writer)
            count += 1
            if count % entriesInPiece == 0 {
                try write(writer.bytes)
                writer = ByteWriter()
            }
        }
        if writer.count > 0 { try write(writer.bytes) }
    }

    /// The machine that ``writeSnapshot(_:)`` wrote, with its configuration of now.
    ///
    /// - Parameter next: one piece after the other; nil at the end.
    /// - Throws: `SnapshotFault`, `MalformedBytes`, and what `next` throws.
    public init(
        config: StreamConfig, created: Timestamp, readingSnapshot next: () throws -> [UInt8]?
    ) throws {
        guard let headBytes = try next() else { throw SnapshotFault.missingPiece }
        var head = ByteReader(headBytes.span.bytes)
        let version = try head.int(UInt8.self)
        guard version <= SnapshotVersion.stream else { throw SnapshotFault.newerVersion(version) }
        let time = try head.int(Int64.self)
        let lastMessageID = try head.counted()
        let endingCount = Int(try head.int(UInt32.self))
        let agelessCount = Int(try head.int(UInt32.self))
        let idCount = Int(try head.int(UInt32.self))
        var ledger = try StreamLedger(readingSnapshot: next)
        ledger.keepsLinks = config.maxMessagesPerSubject > 1
        if ledger.keepsLinks { ledger.makeLinks() }
        self.init(
            config: config, created: created, ledger: ledger,
            lastTime: time == .min ? nil : Timestamp(nanoseconds: time), lastMessageID: lastMessageID)
        try Self.fromPieces(endingCount, next) { reader in
            endings.insert(deadline: try reader.int(), sequence: try reader.int())
        }
        try Self.fromPieces(agelessCount, next) { reader in ageless.insert(try reader.int()) }
        try Self.fromPieces(idCount, next) { reader in
            let id = try reader.counted()
            let sequence = try reader.unsignedVarint()
            remember(id, sequence, Timestamp(nanoseconds: try reader.int()))
        }
    }

    private static func fromPieces(
        _ count: Int, _ next: () throws -> [UInt8]?, _ decode: (inout ByteReader) throws -> Void
    ) throws {
        for start in stride(from: 0, to: count, by: entriesInPiece) {
            guard let bytes = try next() else { throw SnapshotFault.missingPiece }
            var reader = ByteReader(bytes.span.bytes)
            for _ in start..<min(start + entriesInPiece, count) { try decode(&reader) }
        }
    }
}
