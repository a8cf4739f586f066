public import Model
public import Platform
public import Storage

/// Whole batches as a fetch gets them: stretches of segment files first, and behind them bytes.
public struct StoredRecords {
    public internal(set) var regions: [FileRegion] = []
    public internal(set) var bytes: [UInt8] = []
    private var regionByteCount = 0

    public init() {}

    public var byteCount: Int { regionByteCount + bytes.count }

    mutating func append(_ region: FileRegion) {
        regions.append(region)
        regionByteCount += region.byteCount
    }
}

extension Broker {
    /// Less than this is copied faster than it is handed to the kernel, and holds no file open.
    private static let leastRegionByteCount = 64 << 10
    /// More regions than this are not worth it for one partition of one answer.
    private static let regionLimit = 4

    /// As ``readBatches(of:from:byteLimit:atLeastOne:into:)``, but what lies in segments is not read.
    ///
    /// A region is sent as it is, without a look at its records: neither is anything left out of it nor is its
    /// checksum compared, which Kafka's clients do.
    /// - Parameter fromFiles: false where all has to be bytes.
    public func readBatches(
        of log: PartitionLog, from offset: Offset, byteLimit: Int, atLeastOne: Bool, fromFiles: Bool,
        into records: inout StoredRecords
    ) throws(StorageError) {
        var next = offset
        if fromFiles {
            // Records that JetStream has deleted have to be left out.
            while records.regions.count < Self.regionLimit, byteLimit - records.byteCount >= Self.leastRegionByteCount,
                let end = wholeEnd(from: next, of: log)
            {
                let run = try store.run(
                    of: log.id, from: next, below: end, byteLimit: byteLimit - records.byteCount,
                    atLeastOne: atLeastOne && records.byteCount == 0)
                guard let run, run.region.byteCount >= Self.leastRegionByteCount else { break }
                records.append(run.region)
                next = run.nextOffset
            }
        }
        try readBatches(
            of: log, from: next, byteLimit: byteLimit - records.byteCount,
            atLeastOne: atLeastOne && records.byteCount == 0, into: &records.bytes)
    }
}
