import JetStream
import JetStreamAPI
import KafkaCoordination
import Model
import Records
import Storage

/// Told when more of a log can be read, or when it is gone.
public protocol LogObserver: AnyObject {
    func logChanged(_ log: PartitionLog)
}

/// One log: a JetStream stream's messages, or one partition of a Kafka topic.
///
/// Offsets below ``startOffset`` are gone, those below ``readableEnd`` are on disk and may be read, those below
/// ``endOffset`` are taken and on their way to the disk. Lives on loop 0.
public final class PartitionLog {
    /// One node leads all its logs for ever, so the epoch never changes.
    public static let leaderEpoch: Int32 = 0

    public let id: LogID
    public let topicID: TopicID
    public let partition: Int
    /// Whose subjects it knows.
    public let account: String
    /// What turns keys into subjects and back, fixed when the stream was made.
    public let keyPrefix: KeyPrefix

    @exclusivity(unchecked) public internal(set) var startOffset = Offset(0)
    @exclusivity(unchecked) public internal(set) var endOffset = Offset(0)
    @exclusivity(unchecked) public internal(set) var readableEnd = Offset(0)
    public internal(set) var isDeleted = false
    /// JetStream has deleted records between the start and the end: a fetch leaves them out where they still are. Never true of
    /// a log without a view.
    var hasHoles = false
    /// Of a log with holes: what tells segments in which records are left out from those that have been written anew.
    var census = SegmentCensus()

    /// The log as JetStream sees it. Logs of JetStream streams always have it; those of Kafka topics get it when
    /// somebody first looks, so that a topic that only Kafka uses pays nothing for it.
    public internal(set) var view: StreamMachine?
    /// The view on its way; nil where there is one, or where nobody has asked for it.
    var wake: ViewWake?
    /// Why there is no view; while those are told who have waited for it.
    var wakeFailure: JetStreamError?
    /// Whether its view is being made.
    public var isWaking: Bool { wake != nil }
    /// The JetStream consumers of the log; only where it has a view.
    public internal(set) var consumers: [String: StreamConsumer] = [:]

    /// What has still to go, of a stream that keeps messages only as long as somebody wants them.
    var due = DueRemovals()

    /// How surely it is kept, by its stream's configuration.
    @exclusivity(unchecked) public internal(set) var durability = Durability.sync
    /// How many records were appended since the last that had to be synced; counted in logs whose class says how many
    /// there may be.
    @exclusivity(unchecked) private var unsyncedRecordCount: Int64 = 0
    /// The next frame has to be synced, whatever the class says.
    @exclusivity(unchecked) private var isSyncDue = false
    /// What the acknowledgement of the newest batch in the write-ahead log waits for.
    public private(set) var lastAssurance = Assurance.device

    /// Up to where compaction by key has seen it.
    var cleanedTo = Offset(0)
    /// When the first tombstone may go that compaction has kept, milliseconds since 1970; nil where none waits.
    var tombstonesDue: Int64?
    /// Where its segments ended when compaction came across damage: without more of them it would find the same again.
    var damageSeenTo: Offset?
    /// What goes from the segment that is being compacted, where no view has been told.
    var beingCompacted: [ClosedRange<Int64>] = []
    /// When its last pass of compaction began, by the monotonic clock.
    var lastCompaction = Int64.min
    /// Where the newest frame is that changed the log or its view.
    var lastChange = WALPosition.first
    /// The frames before it have been applied by a snapshot, and are passed over in replay.
    var restoredPosition = WALPosition.first
    /// No snapshot of it could be read: it is made of its batches, once they are all known.
    var needsRebuilding = false
    /// Up to where each of its two snapshots holds, of those that are files of their own.
    var snapshotPositions: [WALPosition?] = [nil, nil]
    var producers = ProducerTable()
    /// NATS publishes of this turn that no batch in the write-ahead log holds yet.
    var openBatch = OpenBatch()
    private var observers: [ObjectIdentifier: any LogObserver] = [:]

    init(id: LogID, topicID: TopicID, partition: Int, account: String, keyPrefix: KeyPrefix) {
        self.id = id
        self.account = account
        self.topicID = topicID
        self.partition = partition
        self.keyPrefix = keyPrefix
    }

    /// What the acknowledgement of what happened last waits for, be it in the write-ahead log already or not.
    public var assurance: Assurance { isSyncDue ? .device : durability.assurance }

    /// Tells of records that are about to be appended.
    func count(recordCount: Int) {
        guard case .interval(_, let most) = durability, most < .max else { return }
        unsyncedRecordCount += Int64(recordCount)
        if unsyncedRecordCount >= most { isSyncDue = true }
    }

    /// How the next batch has to be kept, with the records that were told of.
    var nextFrameDurability: FrameDurability { isSyncDue ? .sync : durability.frame }

    /// A batch with the records that were told of was appended: what it has to wait for.
    func takeAssurance() -> Assurance {
        lastAssurance = assurance
        if isSyncDue {
            isSyncDue = false
            unsyncedRecordCount = 0
        }
        return lastAssurance
    }

    public func observe(_ observer: any LogObserver) {
        observers[ObjectIdentifier(observer)] = observer
    }

    public func stopObserving(_ observer: any LogObserver) {
        observers[ObjectIdentifier(observer)] = nil
    }

    func tellObservers() {
        for observer in Array(observers.values) { observer.logChanged(self) }
    }
}
