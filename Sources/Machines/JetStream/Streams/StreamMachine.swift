import Bytes
import JetStreamAPI
import Model
import Subjects

/// One log as JetStream sees it: what it holds, what may be stored, what the limits take away.
///
/// `decide…` and the queries change nothing. The caller appends what they decide to the log and then calls `apply…`,
/// live and in recovery alike. Times come in with each call.
public struct StreamMachine: Sendable {
    public private(set) var config: StreamConfig
    public let created: Timestamp
    public private(set) var lastTime: Timestamp?

    private(set) var ledger: StreamLedger
    private(set) var dedupe = DedupeWindow()
    private(set) var lastMessageID: [UInt8] = []
    private var filters: [SubjectFilter]
    /// When messages with a time of their own are over.
    var endings = DeadlineQueue()
    /// Messages that no age removes.
    var ageless: Set<UInt64> = []

    public init(config: StreamConfig, created: Timestamp) {
        self.config = config
        self.created = created
        filters = config.subjectFilters
        ledger = StreamLedger(firstSequence: max(1, config.firstSequence))
        ledger.keepsLinks = config.maxMessagesPerSubject > 1
    }

    /// What a snapshot kept.
    init(
        config: StreamConfig, created: Timestamp, ledger: StreamLedger, lastTime: Timestamp?,
        lastMessageID: [UInt8]
    ) {
        self.config = config
        self.created = created
        self.ledger = ledger
        self.lastTime = lastTime
        self.lastMessageID = lastMessageID
        filters = config.subjectFilters
    }

    /// An id that a snapshot kept, in the order of their arrival.
    mutating func remember(_ id: [UInt8], _ sequence: UInt64, _ time: Timestamp) {
        dedupe.store(id, sequence: sequence, time: time, window: config.duplicateWindow)
    }

    public var firstSequence: StreamSequence { StreamSequence(ledger.firstSequence) }
    public var lastSequence: StreamSequence { StreamSequence(ledger.lastSequence) }
    public var messageCount: UInt64 { ledger.messageCount }
    public var byteCount: UInt64 { ledger.byteCount }
    public var subjectCount: Int { ledger.subjects.liveCount }
    /// How many message ids it remembers, those among them that are over and not forgotten yet.
    public var messageIDCount: Int { dedupe.count }

    /// What the stream holds. The time of the first message is the caller's to add: it knows the times of the log.
    public var state: StreamState {
        var state = StreamState()
        state.messages = ledger.messageCount
        state.bytes = ledger.byteCount
        // A stream that never held anything shows 0, unless it was told where to begin.
        let isNew = ledger.lastSequence == 0
        state.firstSequence = isNew ? 0 : ledger.firstSequence
        state.lastSequence = ledger.lastSequence
        state.lastTime = lastTime
        state.subjectCount = ledger.subjects.liveCount
        state.deletedCount = ledger.deletedCount
        return state
    }

    // MARK: Applying

    /// A message was appended as the next sequence. Limits that discard old messages act here.
    ///
    /// - Parameters:
    ///   - messageID: the value of its `Nats-Msg-Id`, empty for none.
    ///   - timeToLive: of its `Nats-TTL`, see ``PublishPlan/timeToLive``.
    ///   - time: when it was appended.
    /// - Returns: whether that took other messages away, or gave the stream its first.
    @discardableResult
    public mutating func applyStored(
        subject: RawSpan, size: StoredSize, messageID: [UInt8] = [], timeToLive: Int64 = 0,
        time: Timestamp
    ) -> Bool {
        let (first, count) = (ledger.firstSequence, ledger.messageCount)
        ledger.append(subject, size: size)
        if timeToLive != 0, config.allowMessageTTL { setEnding(timeToLive, time: time) }
        lastTime = time
        lastMessageID = messageID
        if !messageID.isEmpty {
            dedupe.store(
                messageID, sequence: ledger.lastSequence, time: time, window: config.duplicateWindow
            )
        }
        if config.maxMessagesPerSubject > 0 { enforceSubjectLimit() }
        enforceLimits()
        return ledger.firstSequence != first || ledger.messageCount != count + 1
    }

    /// A sequence was used up by something that is no message.
    public mutating func applyGap() {
        ledger.appendGap()
    }

    /// All sequences before `sequence` are used up, if they are not already.
    public mutating func skip(to sequence: StreamSequence) {
        ledger.skip(to: sequence.value)
    }

    /// - Returns: how many messages it took away.
    @discardableResult
    public mutating func apply(_ control: StreamControl) -> UInt64 {
        switch control {
        case .removed(let sequences):
            var removed: UInt64 = 0
            for sequence in sequences where ledger.remove(sequence) {
                ageless.remove(sequence)
                removed += 1
            }
            return removed
        case .purged(let below, let text):
            guard !text.isEmpty, let filter = SubjectFilter(text), !filter.matchesEverything else {
                return ledger.removeAll(below: below)
            }
            return purge(filter, below: below)
        }
    }

    /// The configuration was changed; it has been validated.
    public mutating func apply(_ config: StreamConfig) {
        self.config = config
        filters = config.subjectFilters
        let limit = config.maxMessagesPerSubject
        ledger.keepsLinks = limit > 1
        if limit > 0 {
            for number in 0..<UInt32(ledger.subjects.numberCount) {
                while ledger.subjects.count(of: number) > UInt64(limit) {
                    ledger.remove(ledger.first(of: number))
                }
            }
        }
        enforceLimits()
    }

    private mutating func setEnding(_ timeToLive: Int64, time: Timestamp) {
        if timeToLive < 0 {
            ageless.insert(ledger.lastSequence)
        } else {
            let (deadline, overflow) = time.nanoseconds.addingReportingOverflow(timeToLive)
            endings.insert(deadline: overflow ? .max : deadline, sequence: ledger.lastSequence)
        }
    }

    private mutating func enforceSubjectLimit() {
        guard let number = ledger.number(at: ledger.lastSequence) else { return }
        while ledger.subjects.count(of: number) > UInt64(config.maxMessagesPerSubject) {
            ledger.remove(ledger.first(of: number))
        }
    }

    private mutating func enforceLimits() {
        if config.maxMessages > 0 {
            while ledger.messageCount > UInt64(config.maxMessages) {
                ledger.remove(ledger.firstSequence)
            }
        }
        if config.maxBytes > 0 {
            while ledger.byteCount > UInt64(config.maxBytes) { ledger.remove(ledger.firstSequence) }
        }
    }

    private mutating func purge(_ filter: SubjectFilter, below: UInt64) -> UInt64 {
        var selector = SubjectSelector([filter])
        let numbers = selector.selected(in: ledger.subjects)
        if numbers.count == 1 { return purge(number: numbers[0], below: below) }
        let left = numbers.reduce(UInt64(0)) { $0 + ledger.subjects.count(of: $1) }
        var removed: UInt64 = 0
        var position = ledger.firstSequence
        while removed < left, let sequence = selector.next(from: position, in: ledger),
            sequence < below
        {
            ledger.remove(sequence)
            removed += 1
            position = sequence + 1
        }
        return removed
    }

    private mutating func purge(number: UInt32, below: UInt64) -> UInt64 {
        let generation = ledger.subjects.generation(of: number)
        var removed: UInt64 = 0
        while ledger.subjects.count(of: number) > 0,
            ledger.subjects.generation(of: number) == generation
        {
            let first = ledger.first(of: number)
            guard first < below else { break }
            ledger.remove(first)
            removed += 1
        }
        return removed
    }

    // MARK: Asking

    /// Whether the stream takes `subject` at all.
    public func captures(_ subject: RawSpan) -> Bool { filters.contains { $0.matches(subject) } }

    public func contains(_ sequence: StreamSequence) -> Bool { ledger.contains(sequence.value) }

    public func size(of sequence: StreamSequence) -> StoredSize? { ledger.size(at: sequence.value) }

    /// The subject stored at `sequence`; nil where there is nothing.
    public func subject(of sequence: StreamSequence) -> [UInt8]? {
        ledger.number(at: sequence.value).map { ledger.subjects.subject(of: $0) }
    }

    /// The first message from `start` on, of a subject that `filter` matches.
    public func next(from start: StreamSequence, matching filter: SubjectFilter? = nil)
        -> StreamSequence?
    {
        var selector = SubjectSelector(filter.map { [$0] } ?? [])
        return selector.next(from: start.value, in: ledger).map { StreamSequence($0) }
    }

    /// The last message of a subject that `filter` matches.
    public func last(matching filter: SubjectFilter) -> StreamSequence? {
        last(matching: filter, upTo: StreamSequence(.max))
    }

    public func last(matching filter: SubjectFilter, upTo end: StreamSequence) -> StreamSequence? {
        var selector = SubjectSelector([filter])
        if selector.selectsEverything {
            return selector.previous(from: end.value, in: ledger).map { StreamSequence($0) }
        }
        var last: UInt64 = 0
        for number in selector.selected(in: ledger.subjects)
        where ledger.subjects.lastBound(of: number) > last {
            let found = ledger.last(of: number)
            if found <= end.value {
                last = max(last, found)
            } else if let earlier = ledger.previous(from: end.value, of: number) {
                last = max(last, earlier)
            }
        }
        return last == 0 ? nil : StreamSequence(last)
    }

    /// The last message of each subject that one of `filters` matches, in order; nil if there are more than `limit`.
    public func lastOfEach(
        matching filters: [SubjectFilter], upTo end: StreamSequence = StreamSequence(.max),
        limit: Int = .max
    ) -> [StreamSequence]? {
        var selector = SubjectSelector(filters)
        var result: [UInt64] = []
        for number in selector.selected(in: ledger.subjects) {
            var last = ledger.last(of: number)
            if last > end.value {
                guard let earlier = ledger.previous(from: end.value, of: number) else {
                    continue
                }
                last = earlier
            }
            result.append(last)
            if result.count > limit { return nil }
        }
        return result.sorted().map { StreamSequence($0) }
    }

    /// How many messages from `start` on have a subject that `filter` matches.
    public func count(from start: StreamSequence, matching filter: SubjectFilter? = nil) -> UInt64 {
        var selector = SubjectSelector(filter.map { [$0] } ?? [])
        return selector.count(from: start.value, through: ledger.lastSequence, in: ledger)
    }

    /// How many messages there are from `start` through `end`.
    public func count(from start: StreamSequence, through end: StreamSequence) -> UInt64 {
        ledger.count(from: start.value, through: end.value)
    }

    /// Calls `body` with each message from `start` through `end`, in order.
    public func forEachStored(
        from start: StreamSequence, through end: StreamSequence,
        _ body: (StreamSequence, StoredSize) -> Void
    ) {
        let start = max(start.value, ledger.firstSequence)
        let end = min(end.value, ledger.lastSequence)
        guard start <= end, ledger.messageCount > 0 else { return }
        ledger.columns.forEachSize(from: start, through: end) {
            body(StreamSequence($0), StoredSize(packed: $1))
        }
    }

    /// The subjects that `filter` matches with their message counts, in order of their bytes.
    public func subjects(matching filter: SubjectFilter) -> [(subject: String, count: UInt64)] {
        var selector = SubjectSelector([filter])
        return selector.selected(in: ledger.subjects)
            .map { number in
                (
                    subject: ledger.subjects.withSubject(of: number) { String(repairingUTF8: $0) },
                    count: ledger.subjects.count(of: number)
                )
            }
            .sorted { $0.subject < $1.subject }
    }

    /// Sequences between the first and the last that hold nothing, at most `limit`.
    public func deleted(limit: Int) -> [UInt64] { ledger.deleted(limit: limit) }
}
