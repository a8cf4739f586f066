import Subjects

/// How a create request names its consumer: the tokens of its subject.
public enum ConsumerCreateSubject: Equatable, Sendable {
    /// `CONSUMER.CREATE.<stream>`: the name, if any, stands in the body.
    case unnamed
    /// `CONSUMER.CREATE.<stream>.<consumer>[.<filter…>]`
    case named(String, filter: String?)
    /// `CONSUMER.DURABLE.CREATE.<stream>.<consumer>`
    case durable(String)
}

extension CreateConsumerRequest {
    /// Checks the request by itself and gives the configuration with all defaults filled in.
    ///
    /// What depends on the stream's other consumers is the catalog's to check. The name stays empty where the
    /// server has to make one up.
    /// - Throws: what nats-server answers, in its order.
    public func validated(
        subject: ConsumerCreateSubject, stream: StreamConfig
    ) throws(JetStreamError) -> ConsumerConfig {
        guard self.stream == stream.name else { throw .streamMismatch }
        var config = config
        try config.takeName(from: subject)
        try config.checkName()
        try config.checkTexts()
        if config.replicas > 1 { throw .replicasNotSupported }
        if config.replicas < 0 { throw .negativeReplicas }
        if config.ackWait < 0 { throw .ackWaitNegative }
        if config.backoff.contains(where: { $0 < 0 }) { throw .backoffNegative }
        config.fillDefaults(stream: stream)
        if config.maxDeliver > 0, config.backoff.count > config.maxDeliver {
            throw .maxDeliverBackoff
        }
        if config.isPush {
            try config.checkPush(stream: stream)
        } else {
            try config.checkPull(stream: stream)
        }
        try checkPriorities()
        try config.checkFilters()
        try config.checkStart()
        try config.checkSampling()
        try config.checkWorkQueue(stream: stream)
        if config.replayPolicy == .original {
            throw .consumerCreate("replay policy original is not supported by this server")
        }
        if config.rateLimit > 0 {
            throw .consumerCreate("rate limits are not supported by this server")
        }
        return config
    }

    private func checkPriorities() throws(JetStreamError) {
        let hasPolicy = !priorityPolicy.isEmpty && priorityPolicy != "none"
        if priorityTimeout != 0, !hasPolicy { throw .priorityTimeoutWithoutPolicy }
        if !priorityGroups.isEmpty, config.isPush { throw .priorityGroupsWithPush }
        if !priorityGroups.isEmpty, !hasPolicy { throw .priorityGroupWithoutPolicy }
        if hasPolicy, priorityGroups.isEmpty { throw .priorityPolicyWithoutGroup }
        if hasPolicy { throw .consumerCreate("priority groups are not supported by this server") }
    }
}

extension ConsumerConfig {
    /// Checks that a consumer with this configuration may go on with `next`, both validated.
    ///
    /// - Parameter isBound: whether somebody listens to a push consumer's deliver subject now.
    public func checkUpdate(to next: ConsumerConfig, isBound: Bool) throws(JetStreamError) {
        func fixed(_ same: Bool, _ what: String) throws(JetStreamError) {
            if !same { throw .consumerCreate("\(what) can not be updated") }
        }
        try fixed(deliverPolicy == next.deliverPolicy, "deliver policy")
        try fixed(startSequence == next.startSequence, "start sequence")
        try fixed(startTime == next.startTime, "start time")
        try fixed(ackPolicy == next.ackPolicy, "ack policy")
        try fixed(replayPolicy == next.replayPolicy, "replay policy")
        try fixed(idleHeartbeat == next.idleHeartbeat, "heartbeats")
        try fixed(flowControl == next.flowControl, "flow control")
        try fixed(memoryStorage == next.memoryStorage, "storage type")
        if isPush, !next.isPush {
            throw .consumerCreate("can not update push consumer to pull based")
        }
        if !isPush, next.isPush {
            throw .consumerCreate("can not update pull consumer to push based")
        }
        try fixed(maxWaiting == next.maxWaiting, "max waiting")
        if deliverSubject != next.deliverSubject || deliverGroup != next.deliverGroup, isBound {
            throw .consumerNameInUse
        }
    }

    /// Whether a repeated create asks for the same consumer. What the server itself adds does not count.
    public func isSame(as other: ConsumerConfig) -> Bool {
        var (one, two) = (self, other)
        one.metadata = one.metadata.filter { !$0.key.hasPrefix("_nats.") }
        two.metadata = two.metadata.filter { !$0.key.hasPrefix("_nats.") }
        return one == two
    }

    /// The same with what the server tells about itself in answers.
    public var announced: ConsumerConfig {
        var config = self
        config.metadata.announceServer()
        return config
    }

    public var subjectFilters: [SubjectFilter] { filters.compactMap { SubjectFilter($0) } }

    /// How long a delivery may stay without an ack, for its `deliveries`-th attempt.
    public func ackWait(afterDelivery deliveries: Int) -> Int64 {
        guard !backoff.isEmpty else { return ackWait }
        return backoff[min(max(deliveries, 1), backoff.count) - 1]
    }

    fileprivate mutating func takeName(
        from subject: ConsumerCreateSubject
    ) throws(JetStreamError) {
        switch subject {
        case .unnamed:
            if isDurable { throw .ephemeralWithDurableName }
        case .durable(let token):
            guard isDurable else { throw .durableNameMissing }
            guard durableName == token else { throw .durableNameMismatch }
            name = token
        case .named(let token, let filter):
            if let filter {
                if !filterSubjects.isEmpty { throw .multipleFiltersInSubject }
                guard filterSubject == filter else { throw .createFilterMismatch }
            }
            if isDurable, durableName != token { throw .durableNameMismatch }
            name = token
        }
    }

    fileprivate func checkName() throws(JetStreamError) {
        guard !name.isEmpty else { return }
        if name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
            throw .consumerNamePath
        }
        guard isLegalName(name) else {
            throw .invalidConfig("consumer name can not contain '.', '*', '>', '\\', '/'")
        }
        if name.utf8.count > ConfigLimits.nameByteCount { throw .consumerNameTooLong }
    }

    fileprivate func checkTexts() throws(JetStreamError) {
        if description.utf8.count > ConfigLimits.descriptionByteCount {
            throw .consumerDescriptionTooLong
        }
        if metadata.byteCount > ConfigLimits.metadataByteCount { throw .consumerMetadataTooLong }
    }

    fileprivate mutating func fillDefaults(stream: StreamConfig) {
        if let first = backoff.first { ackWait = first }
        if ackWait == 0, ackPolicy == .explicit || ackPolicy == .all { ackWait = 30_000_000_000 }
        if maxDeliver <= 0 { maxDeliver = -1 }
        if !isPush, maxWaiting <= 0 { maxWaiting = 512 }
        if ackPolicy != .none, maxAckPending == 0 {
            maxAckPending =
                stream.consumerLimits.maxAckPending > 0 ? stream.consumerLimits.maxAckPending : 1000
        }
        if maxAckPending < -1 { maxAckPending = -1 }
        maxBatch = max(0, maxBatch)
        maxExpires = max(0, maxExpires)
        maxBytes = max(0, maxBytes)
        inactiveThreshold = max(0, inactiveThreshold)
        if !isDurable, inactiveThreshold == 0 {
            inactiveThreshold =
                stream.consumerLimits.inactiveThreshold > 0
                ? stream.consumerLimits.inactiveThreshold : 5_000_000_000
        }
        metadata["_nats.req.level"] =
            metadata["_nats.req.level"] ?? (pauseUntil == nil ? "0" : "1")
    }

    fileprivate func checkPush(stream: StreamConfig) throws(JetStreamError) {
        guard let target = SubjectFilter(deliverSubject) else { throw .invalidDeliverSubject }
        guard target.isLiteral else { throw .deliverSubjectWildcards }
        if stream.subjectFilters.contains(where: { $0.matches(deliverSubject) }) {
            throw .deliverCycle
        }
        if maxWaiting != 0 { throw .pushMaxWaiting }
        if idleHeartbeat < 0 || (idleHeartbeat > 0 && idleHeartbeat < 100_000_000) {
            throw .smallHeartbeat
        }
        if flowControl, idleHeartbeat == 0 { throw .flowControlNeedsHeartbeats }
        if maxExpires > 0, maxExpires < 1_000_000 { throw .maxExpiresTooSmall }
        if ackPolicy == .flowControl {
            throw .consumerCreate("flow control ack policy is not supported by this server")
        }
    }

    fileprivate func checkPull(stream: StreamConfig) throws(JetStreamError) {
        if direct { throw .directNeedsPush }
        if ackPolicy == .flowControl { throw .flowControlAckNeedsPush }
        if rateLimit > 0 { throw .pullWithRateLimit }
        if idleHeartbeat != 0 { throw .heartbeatNeedsPush }
        if flowControl { throw .flowControlNeedsPush }
        if maxExpires > 0, maxExpires < 1_000_000 { throw .maxExpiresTooSmall }
        if stream.retention == .workqueue, ackPolicy == .none { throw .workQueuePullNeedsAck }
    }

    fileprivate func checkFilters() throws(JetStreamError) {
        if !filterSubject.isEmpty, !filterSubjects.isEmpty { throw .duplicateFilters }
        var seen: [SubjectFilter] = []
        for text in filters {
            if text.isEmpty { throw .emptyFilter }
            guard let filter = SubjectFilter(text) else { throw .invalidConfig("invalid subject") }
            if seen.contains(where: { $0.overlaps(filter) }) { throw .overlappingFilters }
            seen.append(filter)
        }
    }

    fileprivate func checkStart() throws(JetStreamError) {
        let prefix = "consumer delivery policy is deliver "
        func mustBeUnset(_ policy: String) throws(JetStreamError) {
            if startSequence > 0 {
                throw .invalidPolicy(prefix + policy + ", but optional start sequence is also set")
            }
            if startTime != nil {
                throw .invalidPolicy(prefix + policy + ", but optional start time is also set")
            }
        }
        switch deliverPolicy {
        case .all: try mustBeUnset("all")
        case .last: try mustBeUnset("last")
        case .new: try mustBeUnset("new")
        case .lastPerSubject:
            try mustBeUnset("last per subject")
            if filters.isEmpty {
                throw .invalidPolicy(
                    prefix + "last per subject, but optional filter subject is not set")
            }
        case .byStartSequence:
            if startSequence == 0 {
                throw .invalidPolicy(
                    prefix + "by start sequence, but optional start sequence is not set")
            }
            if startTime != nil {
                throw .invalidPolicy(
                    prefix + "by start sequence, but optional start time is also set")
            }
        case .byStartTime:
            if startTime == nil {
                throw .invalidPolicy(prefix + "by start time, but optional start time is not set")
            }
            if startSequence > 0 {
                throw .invalidPolicy(
                    prefix + "by start time, but optional start sequence is also set")
            }
        }
    }

    fileprivate func checkSampling() throws(JetStreamError) {
        guard !sampleFrequency.isEmpty else { return }
        let digits =
            sampleFrequency.hasSuffix("%") ? String(sampleFrequency.dropLast()) : sampleFrequency
        if Int(digits) == nil { throw .invalidSampling(digits) }
    }

    fileprivate func checkWorkQueue(stream: StreamConfig) throws(JetStreamError) {
        guard stream.retention == .workqueue else { return }
        if ackPolicy != .explicit { throw .workQueueNeedsExplicitAck }
        if deliverPolicy != .all { throw .workQueueNotDeliverAll }
    }
}
