import Bytes
import JetStreamAPI
import Model
import Subjects

/// What becomes of a publish.
public enum PublishDecision: Sendable {
    case refused(JetStreamError)
    /// Its message id was stored before, as this sequence.
    case duplicate(StreamSequence)
    case store(PublishPlan)
}

/// A message that may be stored: append it, then ``StreamMachine/applyStored(subject:size:messageID:time:)``.
public struct PublishPlan: Sendable {
    public var sequence: StreamSequence
    public var size: StoredSize
    public var messageID: [UInt8] = []
    /// How long the message may stay, in nanoseconds; 0 for as long as the stream says, -1 for ever.
    public var timeToLive: Int64 = 0
    /// What its `Nats-Rollup` takes away: append and apply it right after the message.
    public var rollup: StreamControl?
    /// It stays only if a consumer wants it.
    public var needsInterest = false
}

extension StreamMachine {
    /// The largest header block that a stream stores.
    public static let headerByteLimit = 65_535

    /// Decides what becomes of a publish, in nats-server's order of checks.
    ///
    /// - Parameters:
    ///   - subject: it has been matched with the stream's subjects already.
    ///   - headers: the raw block, empty for none.
    ///
    /// Changes nothing. It is `mutating` so that it is called in place: a machine that is kept in an optional would be
    /// copied first, with a count for each of its tables.
    public mutating func decidePublish(
        subject: RawSpan, headers: RawSpan, payloadByteCount: Int, now: Timestamp
    ) -> PublishDecision {
        if config.sealed { return .refused(.streamSealed) }
        let messageByteCount = headers.byteCount + payloadByteCount
        if config.maxMessageSize >= 0, messageByteCount > Int(config.maxMessageSize) {
            return .refused(.messageTooLarge)
        }
        if headers.byteCount > Self.headerByteLimit { return .refused(.headersTooLarge) }
        let size = StoredSize(
            subjectByteCount: subject.byteCount, headerByteCount: headers.byteCount,
            payloadByteCount: payloadByteCount)
        var plan = PublishPlan(sequence: lastSequence.next, size: size)
        plan.needsInterest = config.retention == .interest
        if headers.byteCount > 0 {
            if let early = decideHeaders(headers, subject: subject, plan: &plan, now: now) {
                return early
            }
        }
        if config.discard == .new, let error = discardError(subject: subject, size: size) {
            return .refused(error)
        }
        return .store(plan)
    }

    /// Whether a header block says anything that the stream's messages, or its configuration, decide about.
    public static func isSteered(by headers: RawSpan) -> Bool {
        headers.byteCount > 0 && !PublishHeaders(headers).isEmpty
    }

    /// What a stored header block says about its message, as a plan has it. Recovery asks for it.
    public static func traits(in headers: RawSpan) -> (messageID: [UInt8], timeToLive: Int64) {
        guard headers.byteCount > 0 else { return ([], 0) }
        let found = PublishHeaders(headers)
        return (
            found.messageID.map { Array(copying: headers.extracting($0)) } ?? [],
            found.timeToLive.flatMap { timeToLive(headers.extracting($0)) } ?? 0
        )
    }

    private func decideHeaders(
        _ headers: RawSpan, subject: RawSpan, plan: inout PublishPlan, now: Timestamp
    ) -> PublishDecision? {
        let found = PublishHeaders(headers)
        if found.increment != nil { return .refused(.countersDisabled) }
        if found.batchID != nil { return .refused(.atomicDisabled) }
        if let range = found.expectedStream {
            let name = Array(config.name.utf8)
            guard headers.extracting(range).hasSameBytes(as: name.span.bytes) else {
                return .refused(.expectedStreamMismatch)
            }
        }
        if let range = found.timeToLive {
            guard let time = Self.timeToLive(headers.extracting(range)) else {
                return .refused(.messageTTLInvalid)
            }
            guard config.allowMessageTTL else { return .refused(.messageTTLDisabled) }
            plan.timeToLive = time
        }
        if let error = sequenceError(found, headers, subject: subject) { return .refused(error) }
        if found.schedule != nil { return .refused(.schedulesDisabled) }
        if found.source != nil { return .refused(.sourceHeaderRefused) }
        if let range = found.messageID {
            let id = Array(copying: headers.extracting(range))
            if let sequence = dedupe.sequence(of: id, now: now, window: config.duplicateWindow) {
                return .duplicate(StreamSequence(sequence))
            }
            plan.messageID = id
        }
        if let range = found.expectedMessageID,
            !headers.extracting(range).hasSameBytes(as: lastMessageID.span.bytes)
        {
            return .refused(.wrongLastMessageID(String(repairingUTF8: lastMessageID.span.bytes)))
        }
        if let range = found.rollup {
            let value = headers.extracting(range)
            guard config.allowRollup, !config.denyPurge else {
                return .refused(.rollupFailed("rollup not permitted"))
            }
            switch String(repairingUTF8: value).lowercased() {
            case "sub":
                plan.rollup = .purged(
                    below: plan.sequence.value, filter: String(repairingUTF8: subject))
            case "all": plan.rollup = .purged(below: plan.sequence.value, filter: "")
            case let text:
                return .refused(.rollupFailed("rollup value invalid: \"\(text)\""))
            }
        }
        return nil
    }

    private func sequenceError(
        _ found: PublishHeaders, _ headers: RawSpan, subject: RawSpan
    ) -> JetStreamError? {
        if let range = found.expectedSubjectSequence {
            let last: UInt64
            if let other = found.expectedSubject {
                let filter = SubjectFilter(String(repairingUTF8: headers.extracting(other)))
                last = filter.flatMap { self.last(matching: $0)?.value } ?? 0
            } else {
                last = ledger.subjects.number(of: subject).map { ledger.last(of: $0) } ?? 0
            }
            if headers.extracting(range).decimal != last { return .wrongLastSequence(last) }
        } else if found.expectedSubject != nil {
            return .subjectSequenceMissing
        }
        if let range = found.expectedSequence,
            headers.extracting(range).decimal != ledger.lastSequence
        {
            return .wrongLastSequence(ledger.lastSequence)
        }
        return nil
    }

    /// Why a stream that discards new messages has no room.
    private func discardError(subject: RawSpan, size: StoredSize) -> JetStreamError? {
        var replaces: UInt64?
        if config.maxMessagesPerSubject > 0, let number = ledger.subjects.number(of: subject),
            ledger.subjects.count(of: number) >= UInt64(config.maxMessagesPerSubject)
        {
            if config.discardNewPerSubject {
                return .storeFailed("maximum messages per subject exceeded")
            }
            // The oldest of the subject makes room for the new one.
            replaces = ledger.next(from: 0, of: number)
        }
        if config.maxMessages > 0, replaces == nil,
            ledger.messageCount >= UInt64(config.maxMessages)
        {
            return .storeFailed("maximum messages exceeded")
        }
        if config.maxBytes > 0 {
            let freed = replaces.flatMap { ledger.size(at: $0)?.accounted } ?? 0
            if ledger.byteCount - freed + size.accounted > UInt64(config.maxBytes) {
                return .storeFailed("maximum bytes exceeded")
            }
        }
        return nil
    }

    /// Nanoseconds of a `Nats-TTL`: whole seconds, a duration of a second or more, or `never`, which is -1.
    private static func timeToLive(_ value: RawSpan) -> Int64? {
        let second: Int64 = 1_000_000_000
        let text = String(repairingUTF8: value)
        if text == "never" { return -1 }
        if let seconds = value.decimal {
            let (scaled, overflow) = Int64(clamping: seconds).multipliedReportingOverflow(
                by: second)
            return seconds == 0 || overflow ? nil : scaled
        }
        return parseGoDuration(text).flatMap { $0 >= second ? $0 : nil }
    }
}
