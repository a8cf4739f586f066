/// What the operator decides about the Kafka side. Kafka's names where it has one.
public struct KafkaServiceOptions: Sendable {
    /// `node.id`
    public var nodeID: Int32 = 1
    /// `advertised.listeners`: where clients are told to connect. Nil: the address that they came by.
    public var advertisedHost: String?
    public var advertisedPort: Int?
    /// `socket.request.max.bytes`
    public var requestByteLimit = 104_857_600
    /// `fetch.max.bytes`
    public var fetchByteLimit = 57_671_680
    /// How many requests of one connection may be unanswered before no more are read.
    public var requestsInFlightLimit = 512
    public var requestBytesInFlightLimit = 64 << 20
    /// With more than this on its way to the disk, nobody's further requests are read.
    public var undurableByteLimit = 128 << 20
    /// How many bytes of finished answers may wait behind an unfinished one before no more is read.
    public var heldAnswerByteLimit = 32 << 20
    /// With more than this waiting for a slow reader, its further requests wait.
    public var pendingOutputByteLimit = 16 << 20
    /// `connections.max.idle.ms`
    public var idleMilliseconds: Int64 = 600_000

    public init() {}
}
