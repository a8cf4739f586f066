/// Give an idempotent producer its id, or bump the epoch of a transactional one. Source: KIP-98.
public struct InitProducerIdRequest: KafkaRequest {
    public static var api: APIKey { .initProducerId }

    public var transactionalId: String?
    public var transactionTimeoutMs: Int32 = 0
    public var producerId: Int64 = -1
    public var producerEpoch: Int16 = -1

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("TransactionalId", &transactionalId)
        try w.field("TransactionTimeoutMs", &transactionTimeoutMs)
        if w.version >= 3 {
            try w.field("ProducerId", &producerId)
            try w.field("ProducerEpoch", &producerEpoch)
        }
    }
}

/// The answer to ``InitProducerIdRequest``.
public struct InitProducerIdResponse: KafkaResponse {
    public static var api: APIKey { .initProducerId }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var producerId: Int64 = -1
    public var producerEpoch: Int16 = 0

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("ErrorCode", &errorCode)
        try w.field("ProducerId", &producerId)
        try w.field("ProducerEpoch", &producerEpoch)
    }
}
