import JSON

/// A refusal as JetStream words it: an HTTP-like code, JetStream's own code and a sentence.
///
/// Clients branch on both codes, and some on the text. Source: nats-server's `errors.json`.
public struct JetStreamError: Error, Equatable, Sendable {
    public var code: Int
    public var errorCode: Int
    public var description: String

    public init(_ code: Int, _ errorCode: Int, _ description: String) {
        self.code = code
        self.errorCode = errorCode
        self.description = description
    }

    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("code", code)
        json.field("err_code", errorCode)
        json.field("description", description)
        json.endObject()
    }
}

// Requests in general.
extension JetStreamError {
    public static let badRequest = JetStreamError(400, 10003, "bad request")
    public static let clusterRequired = JetStreamError(
        503, 10010, "JetStream clustering support required")
    public static let insufficientResources = JetStreamError(503, 10023, "insufficient resources")
    public static let notEmptyRequest = JetStreamError(
        400, 10038, "expected an empty request payload")
    public static let notEnabledForAccount = JetStreamError(
        503, 10039, "JetStream not enabled for account")
    public static let storageExceeded = JetStreamError(
        500, 10047, "insufficient storage resources available")
    public static let insufficientMemory = JetStreamError(
        500, 10028, "insufficient memory resources available")
    public static let accountResourcesExceeded = JetStreamError(
        400, 10002, "resource limits exceeded for account")
    public static let notEnabled = JetStreamError(503, 10076, "JetStream not enabled")
    public static let requiredApiLevel = JetStreamError(
        412, 10185, "JetStream minimum api level required")

    public static func invalidJSON(_ reason: String) -> JetStreamError {
        JetStreamError(400, 10025, "invalid JSON: \(reason)")
    }

    public static func pedantic(_ reason: String) -> JetStreamError {
        JetStreamError(400, 10157, "pedantic mode: \(reason)")
    }
}

// Streams.
extension JetStreamError {
    public static let maximumStreams = JetStreamError(
        400, 10027, "maximum number of streams reached")
    public static let maximumBytesRequired = JetStreamError(
        400, 10113, "account requires a stream config to have max bytes set")
    public static let streamBytesExceeded = JetStreamError(
        400, 10122, "stream max bytes exceeds account limit max stream bytes")
    public static let mirrorWithSubjects = JetStreamError(
        400, 10034, "stream mirrors can not contain subjects")
    public static let noMessageFound = JetStreamError(404, 10037, "no message found")
    public static let streamMismatch = JetStreamError(
        400, 10056, "stream name in subject does not match request")
    public static let streamNameExists = JetStreamError(
        400, 10058, "stream name already in use with a different configuration")
    public static let streamNotFound = JetStreamError(404, 10059, "stream not found")
    public static let subjectOverlap = JetStreamError(
        400, 10065, "subjects overlap with an existing stream")
    public static let replicasNotSupported = JetStreamError(
        500, 10074, "replicas > 1 not supported in non-clustered mode")
    public static let streamSealed = JetStreamError(
        400, 10109, "invalid operation on sealed stream")
    public static let streamNamePath = JetStreamError(
        400, 10128, "Stream name can not contain path separators")
    public static let negativeReplicas = JetStreamError(
        400, 10133, "replicas count cannot be negative")

    public static func sequenceNotFound(_ sequence: UInt64) -> JetStreamError {
        JetStreamError(400, 10043, "sequence \(sequence) not found")
    }
    public static func streamCreate(_ reason: String) -> JetStreamError {
        JetStreamError(500, 10049, reason)
    }
    public static func invalidConfig(_ reason: String) -> JetStreamError {
        JetStreamError(500, 10052, reason)
    }
    public static func deleteFailed(_ reason: String) -> JetStreamError {
        JetStreamError(500, 10057, reason)
    }
    public static func restoreFailed(_ reason: String) -> JetStreamError {
        JetStreamError(500, 10062, "restore failed: \(reason)")
    }
    public static func snapshotFailed(_ reason: String) -> JetStreamError {
        JetStreamError(500, 10064, "snapshot failed: \(reason)")
    }
    public static func purgeFailed(_ reason: String) -> JetStreamError {
        JetStreamError(500, 10110, reason)
    }
}

// Publishing.
extension JetStreamError {
    public static let messageTooLarge = JetStreamError(
        400, 10054, "message size exceeds maximum allowed")
    public static let expectedStreamMismatch = JetStreamError(
        400, 10060, "expected stream does not match")
    public static let headersTooLarge = JetStreamError(
        400, 10097, "header size exceeds maximum allowed of 64k")
    public static let messageTTLInvalid = JetStreamError(400, 10165, "invalid per-message TTL")
    public static let messageTTLDisabled = JetStreamError(400, 10166, "per-message TTL is disabled")
    public static let tooManyRequests = JetStreamError(429, 10167, "too many requests")
    public static let countersDisabled = JetStreamError(400, 10168, "message counters is disabled")
    public static let atomicDisabled = JetStreamError(400, 10174, "atomic publish is disabled")
    public static let schedulesDisabled = JetStreamError(
        400, 10188, "message schedules is disabled")
    public static let subjectSequenceMissing = JetStreamError(
        400, 10193, "missing sequence for expected last sequence per subject")
    public static let sourceHeaderRefused = JetStreamError(
        400, 10227, "message stream source header is not allowed")

    public static func wrongLastMessageID(_ id: String) -> JetStreamError {
        JetStreamError(400, 10070, "wrong last msg ID: \(id)")
    }
    public static func wrongLastSequence(_ sequence: UInt64) -> JetStreamError {
        JetStreamError(400, 10071, "wrong last sequence: \(sequence)")
    }
    public static func storeFailed(_ reason: String) -> JetStreamError {
        JetStreamError(503, 10077, reason)
    }
    public static func rollupFailed(_ reason: String) -> JetStreamError {
        JetStreamError(500, 10111, reason)
    }
}

// Consumers.
extension JetStreamError {
    public static let consumerNameInUse = JetStreamError(400, 10013, "consumer name already in use")
    public static let consumerNotFound = JetStreamError(404, 10014, "consumer not found")
    public static let durableNameMismatch = JetStreamError(
        400, 10017, "consumer name in subject does not match durable name in request")
    public static let durableNameMissing = JetStreamError(
        400, 10018, "consumer expected to be durable but a durable name was not set")
    public static let ephemeralWithDurableName = JetStreamError(
        400, 10020, "consumer expected to be ephemeral but a durable name was set in request")
    public static let maximumConsumers = JetStreamError(
        400, 10026, "maximum consumers limit reached")
    public static func ackPendingExceeded(limit: Int) -> JetStreamError {
        JetStreamError(400, 10121, "consumer max ack pending exceeds system limit of \(limit)")
    }
    public static let deliverSubjectWildcards = JetStreamError(
        400, 10079, "consumer deliver subject has wildcards")
    public static let pushMaxWaiting = JetStreamError(
        400, 10080, "consumer in push mode can not set max waiting")
    public static let deliverCycle = JetStreamError(
        400, 10081, "consumer deliver subject forms a cycle")
    public static let smallHeartbeat = JetStreamError(
        400, 10083, "consumer idle heartbeat needs to be >= 100ms")
    public static let workQueuePullNeedsAck = JetStreamError(
        400, 10084, "consumer in pull mode requires explicit ack policy on workqueue stream")
    public static let pullWithRateLimit = JetStreamError(
        400, 10086, "consumer in pull mode can not have rate limit set")
    public static let heartbeatNeedsPush = JetStreamError(
        400, 10088, "consumer idle heartbeat requires a push based consumer")
    public static let flowControlNeedsPush = JetStreamError(
        400, 10089, "consumer flow control requires a push based consumer")
    public static let directNeedsPush = JetStreamError(
        400, 10090, "consumer direct requires a push based consumer")
    public static let workQueueNeedsExplicitAck = JetStreamError(
        400, 10098, "workqueue stream requires explicit ack")
    public static let workQueueUnfiltered = JetStreamError(
        400, 10099, "multiple non-filtered consumers not allowed on workqueue stream")
    public static let workQueueNotUnique = JetStreamError(
        400, 10100, "filtered consumer not unique on workqueue stream")
    public static let workQueueNotDeliverAll = JetStreamError(
        400, 10101, "consumer must be deliver all on workqueue stream")
    public static let consumerNameTooLong = JetStreamError(
        400, 10102, "consumer name is too long, maximum allowed is 255")
    public static let consumerDescriptionTooLong = JetStreamError(
        400, 10107, "consumer description is too long, maximum allowed is 4096")
    public static let flowControlNeedsHeartbeats = JetStreamError(
        400, 10108, "consumer with flow control also needs heartbeats")
    public static let invalidDeliverSubject = JetStreamError(
        400, 10112, "invalid push consumer deliver subject")
    public static let maxExpiresTooSmall = JetStreamError(
        400, 10115, "consumer max request expires needs to be >= 1ms")
    public static let maxDeliverBackoff = JetStreamError(
        400, 10116, "max deliver is required to be > length of backoff values")
    public static let consumerNamePath = JetStreamError(
        400, 10127, "Consumer name can not contain path separators")
    public static let createFilterMismatch = JetStreamError(
        400, 10131, "Consumer create request did not match filtered subject from create subject")
    public static let consumerMetadataTooLong = JetStreamError(
        400, 10135, "consumer metadata exceeds maximum size of 128KB")
    public static let duplicateFilters = JetStreamError(
        400, 10136, "consumer cannot have both FilterSubject and FilterSubjects specified")
    public static let multipleFiltersInSubject = JetStreamError(
        400, 10137, "consumer with multiple subject filters cannot use subject based API")
    public static let overlappingFilters = JetStreamError(
        400, 10138, "consumer subject filters cannot overlap")
    public static let emptyFilter = JetStreamError(
        400, 10139, "consumer filter in FilterSubjects cannot be empty")
    public static let consumerExists = JetStreamError(400, 10148, "consumer already exists")
    public static let consumerMissing = JetStreamError(400, 10149, "consumer does not exist")
    public static let priorityPolicyWithoutGroup = JetStreamError(
        400, 10159, "Setting PriorityPolicy requires at least one PriorityGroup to be set")
    public static let priorityGroupUnknown = JetStreamError(
        400, 10160, "Provided priority group does not exist for this consumer")
    public static let priorityGroupsWithPush = JetStreamError(
        400, 10178, "priority groups can not be used with push consumers")
    public static let ackWaitNegative = JetStreamError(
        400, 10183, "consumer ack wait needs to be positive")
    public static let backoffNegative = JetStreamError(
        400, 10184, "consumer backoff needs to be positive")
    public static let priorityGroupWithoutPolicy = JetStreamError(
        400, 10196, "consumer can not have priority groups when policy is none")
    public static let priorityTimeoutWithoutPolicy = JetStreamError(
        400, 10197, "PinnedTTL cannot be set when PriorityPolicy is none")
    public static let flowControlAckNeedsPush = JetStreamError(
        400, 10218, "flow control ack policy requires a push based consumer")

    public static func consumerCreate(_ reason: String) -> JetStreamError {
        JetStreamError(500, 10012, reason)
    }
    public static func invalidPolicy(_ reason: String) -> JetStreamError {
        JetStreamError(400, 10094, reason)
    }
    public static func invalidSampling(_ text: String) -> JetStreamError {
        JetStreamError(
            400, 10095,
            "failed to parse consumer sampling configuration: "
                + "strconv.Atoi: parsing \"\(text)\": invalid syntax")
    }
    public static func invalidReset(_ reason: String) -> JetStreamError {
        JetStreamError(400, 10204, "invalid reset: \(reason)")
    }
}
