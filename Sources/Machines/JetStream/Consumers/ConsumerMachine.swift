import Bytes
import DequeModule
import JetStreamAPI
import Model
import Subjects

/// One consumer: which messages come next, for whom, and which still wait for their ack.
///
/// What survives a restart changes by events only, see ``ConsumerMachine/apply(record:)``; the events of a turn are
/// taken as one record for the log. Pull requests and timers do not survive: clients ask again.
/// What is to be sent besides messages collects in ``effects``.
public struct ConsumerMachine: Sendable {
    public let stream: String
    public let name: String
    public let created: Timestamp
    public internal(set) var config: ConsumerConfig

    // What survives.
    public internal(set) var delivered: SequencePair
    public internal(set) var ackFloor: SequencePair
    /// Where new messages are looked for next.
    var cursor: UInt64
    /// Of `last_per_subject`: what has to be delivered before anything from `cursor` on, in rising order.
    var snapshot: Deque<UInt64> = []
    var pending: [UInt64: PendingDelivery] = [:]
    /// The pending sequences in rising order, and some that are pending no more.
    var pendingOrder: Deque<UInt64> = []
    var redeliveredCount = 0
    /// What it is done with since ``takeSettled()`` was asked last.
    public internal(set) var settled: [UInt64] = []

    // What does not.
    /// No message from the cursor up to here is wanted, so that nothing is looked at twice.
    var searchedTo: UInt64 = 0
    var redeliveries: Deque<UInt64> = []
    var deadlines = DeadlineQueue()
    var waiting: Deque<WaitingRequest> = []
    var nextRequestID: UInt64 = 0
    var push = PushState()
    var lastActivity: Timestamp
    var selector: SubjectSelector
    var pendingCount = PendingCount()
    var events = ConsumerEventWriter()
    /// A record that ``takeRecord()`` gave could not be logged, so that the log is behind, and nothing that happened may
    /// be confirmed before the whole state is logged.
    public internal(set) var isAheadOfLog = false

    public internal(set) var effects: [ConsumerEffect] = []

    /// A new consumer of a stream as it is now.
    ///
    /// - Parameter startSequence: the first message that is not older than the configured start time, for a consumer that
    ///   has one.
    public init(
        name: String, config: ConsumerConfig, created: Timestamp, stream: StreamMachine,
        startSequence: StreamSequence? = nil
    ) {
        self.stream = stream.config.name
        self.name = name
        self.created = created
        self.config = config
        lastActivity = created
        selector = SubjectSelector(config.subjectFilters)
        let ledger = stream.ledger
        switch config.deliverPolicy {
        case .all: cursor = ledger.firstSequence
        case .new: cursor = ledger.lastSequence + 1
        case .byStartSequence: cursor = max(config.startSequence, ledger.firstSequence)
        case .byStartTime:
            cursor = max(startSequence?.value ?? ledger.firstSequence, ledger.firstSequence)
        case .last:
            cursor = selector.previous(from: .max, in: ledger) ?? ledger.firstSequence
        case .lastPerSubject:
            cursor = ledger.lastSequence + 1
            snapshot = Deque(
                stream.lastOfEach(matching: config.subjectFilters)?.map(\.value) ?? [])
        }
        let start = snapshot.first ?? cursor
        delivered = SequencePair(consumer: 0, stream: start - 1)
        ackFloor = delivered
        push.window = PushState.firstWindow
    }

    /// How many messages it has still to deliver for the first time.
    public mutating func pendingMessageCount(in stream: StreamMachine) -> UInt64 {
        pendingCount.value(
            cursor: cursor, snapshot: snapshot, selector: &selector, ledger: stream.ledger)
    }

    public var ackPendingCount: Int { pending.count }
    public var waitingCount: Int { waiting.count }

    public func isPaused(now: Timestamp) -> Bool { config.pauseUntil.map { $0 > now } ?? false }

    /// What answers show of it.
    public mutating func info(stream: StreamMachine, now: Timestamp) -> ConsumerInfo {
        var info = ConsumerInfo(
            stream: self.stream, name: name, created: created, config: config, now: now)
        info.delivered = delivered
        info.ackFloor = ackFloor
        info.ackPendingCount = pending.count
        info.redeliveredCount = redeliveredCount
        info.waitingCount = waiting.count
        info.pendingCount = pendingMessageCount(in: stream)
        info.isPushBound = push.isBound
        return info
    }

    /// Whether it is done with a message that the stream holds, or never wanted it: the question of streams that keep
    /// messages until all their consumers are done.
    public mutating func isSettled(_ sequence: StreamSequence, in stream: StreamMachine) -> Bool {
        guard let number = stream.ledger.number(at: sequence.value) else { return true }
        guard selector.selects(number, in: stream.ledger.subjects) else { return true }
        return isDecided(sequence.value)
    }

    /// Whether it is certainly done with a message of its subjects that the stream holds: what may have been given up instead, having
    /// been delivered as often as allowed, does not count.
    public mutating func hasSettled(_ sequence: StreamSequence, in stream: StreamMachine) -> Bool {
        guard let number = stream.ledger.number(at: sequence.value), selector.selects(number, in: stream.ledger.subjects)
        else { return false }
        return isDecided(sequence.value) && (config.maxDeliver < 1 || sequence.value <= ackFloor.stream)
    }

    /// Whether it was delivered, or passed over, and waits for no ack.
    func isDecided(_ sequence: UInt64) -> Bool {
        sequence < cursor && pending[sequence] == nil && !snapshot.containsSorted(sequence)
    }

    /// Whether it wants messages of `subject`.
    public func wants(_ subject: RawSpan) -> Bool {
        selector.selectsEverything || selector.filters.contains { $0.matches(subject) }
    }

    /// The configuration was changed; the change has been checked.
    public mutating func apply(_ config: ConsumerConfig) {
        if config.filters != self.config.filters {
            selector = SubjectSelector(config.subjectFilters)
            pendingCount.invalidate()
            searchedTo = 0
        }
        self.config = config
    }

    /// What happened to it since this was asked last, as a record for the log; nil for nothing.
    ///
    /// While it ``isAheadOfLog``, the record is all that survives a restart, whatever happened and whatever a snapshot has
    /// of it: the log is not behind any more once it has that.
    public mutating func takeRecord() -> [UInt8]? {
        guard isAheadOfLog else { return events.isEmpty ? nil : events.take() }
        isAheadOfLog = false
        _ = events.take()
        return [ConsumerEventWriter.stateTag] + snapshotBytes
    }

    /// About how many bytes the next record takes, while it ``isAheadOfLog``.
    public var stateByteCount: Int { 128 + (snapshot.count + settled.count) * 8 + pending.count * 28 }

    /// What ``takeRecord()`` gave could not be logged. It is not kept, so a log without room costs no memory.
    public mutating func recordWasLost() { isAheadOfLog = true }

    /// What it is done with since this was asked last: streams that remove what is acked look at it now.
    ///
    /// Ask for it behind each record, live and in recovery: what no record says yet is part of the whole state.
    public mutating func takeSettled() -> [UInt64] {
        guard !settled.isEmpty else { return [] }
        defer { settled.removeAll(keepingCapacity: true) }
        return settled
    }

    /// What is to be sent since this was asked last.
    public mutating func takeEffects() -> [ConsumerEffect] {
        guard !effects.isEmpty else { return [] }
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }
}

/// A message that was delivered and not acked.
struct PendingDelivery: Sendable {
    /// Of its first delivery.
    var consumerSequence: UInt64
    var deliveries: UInt32
    /// When it is delivered again, in nanoseconds.
    var deadline: Int64
    /// Whether it waits in line to be delivered again.
    var isQueued: Bool
}

/// Something to send, or to look after, besides messages.
public enum ConsumerEffect: Equatable, Sendable {
    /// A status to a pull request's inbox or a push consumer's deliver subject.
    case status(StatusReply, to: [UInt8], reply: [UInt8])
    case maxDeliveries(StreamSequence, deliveries: UInt64)
    case terminated(
        StreamSequence, consumerSequence: UInt64, deliveries: UInt64, reason: String)
    case refused(StreamSequence, consumerSequence: UInt64, deliveries: UInt64)
}
