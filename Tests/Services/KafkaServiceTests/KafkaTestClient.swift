import Bytes
import Glibc
import KafkaProtocol
import Model
import Records

/// A Kafka client that says exactly what it is told to.
final class KafkaTestClient {
    private let descriptor: Int32
    private var lastCorrelationID: Int32 = 0

    init(_ server: KafkaTestServer) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(server.port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(result == 0, "connect: \(errno)")
    }

    deinit { close(descriptor) }

    // MARK: Requests and responses

    /// One request's frame. `records` is what the request's ranges point into.
    static func frame<Request: KafkaRequest>(
        _ request: Request, _ version: Int16, correlationID: Int32, records: [UInt8] = [],
        trailing: [UInt8] = []
    ) -> [UInt8] {
        var body = ByteWriter()
        RequestHeader(
            apiKey: Request.api.rawValue, apiVersion: version, correlationId: correlationID,
            clientId: "test"
        ).encode(into: &body)
        request.encode(into: &body, version: version, frame: records.span.bytes)
        var whole = ByteWriter()
        whole.int(Int32(body.count + trailing.count))
        whole.append(body.bytes.span.bytes)
        whole.append(trailing)
        return whole.bytes
    }

    /// Sends a request and returns its correlation id.
    @discardableResult
    func send<Request: KafkaRequest>(
        _ request: Request, _ version: Int16, records: [UInt8] = [], trailing: [UInt8] = []
    ) -> Int32 {
        lastCorrelationID += 1
        send(
            Self.frame(
                request, version, correlationID: lastCorrelationID, records: records,
                trailing: trailing))
        return lastCorrelationID
    }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            sent += count
        }
    }

    /// The next response, whatever it is: its correlation id, and what follows.
    func receiveFrame() throws -> (correlationID: Int32, frame: [UInt8]) {
        let head = try receive(4)
        var reader = ByteReader(head.span.bytes)
        let frame = try receive(Int(try reader.int(Int32.self)))
        var body = ByteReader(frame.span.bytes)
        return (try body.int(Int32.self), frame)
    }

    func receive<Response: KafkaResponse>(
        _: Response.Type = Response.self, _ version: Int16
    ) throws -> (correlationID: Int32, response: Response) {
        let (_, frame) = try receiveFrame()
        var reader = ByteReader(frame.span.bytes)
        let header = try ResponseHeader(decoding: &reader, api: Response.api, version: version)
        return (header.correlationId, try Response(decoding: &reader, version: version))
    }

    /// Sends a request and waits for its response.
    func ask<Request: KafkaRequest, Response: KafkaResponse>(
        _ request: Request, _ version: Int16, records: [UInt8] = []
    ) throws -> Response {
        let id = send(request, version, records: records)
        let (correlationID, response) = try receive(Response.self, version)
        precondition(correlationID == id, "answer \(correlationID) to request \(id)")
        return response
    }

    struct Ended: Error {}

    private func receive(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let more = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress! + got, count - got, 0)
            }
            if more <= 0 { throw Ended() }
            got += more
        }
        return bytes
    }

    /// Whether the server has hung up, with nothing left to read.
    func sawEnd() -> Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, 0) <= 0 && errno != EAGAIN
    }

    /// Whether there is nothing to read for now.
    func isQuiet(milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, milliseconds) == 0
    }
}

// MARK: Shorthand

/// One batch of records with these values, as a producer sends it.
func batch(
    _ values: [String], producer: Int64 = -1, epoch: Int16 = -1, sequence: Int32 = -1,
    timestamp: Int64? = nil
) -> [UInt8] {
    var builder = RecordBatchBuilder()
    var identity = RecordBatchBuilder.Identity()
    identity.producerID = ProducerID(producer)
    identity.producerEpoch = epoch
    identity.baseSequence = sequence
    builder.begin(identity)
    let now = timestamp ?? Int64(time(nil)) * 1_000
    for value in values {
        builder.append(
            key: nil, value: Array(value.utf8), headers: [], timestampMilliseconds: now)
    }
    builder.seal()
    return Array(copying: builder.bytes)
}

extension KafkaTestClient {
    func createTopic(
        _ name: String, partitions: Int32 = 1, config: [String: String] = [:]
    ) throws -> CreateTopicsResponse.CreatableTopicResult {
        var topic = CreateTopicsRequest.CreatableTopic()
        topic.name = name
        topic.numPartitions = partitions
        topic.replicationFactor = 1
        topic.configs = config.map { name, value in
            var entry = CreateTopicsRequest.CreatableTopicConfig()
            entry.name = name
            entry.value = value
            return entry
        }
        var request = CreateTopicsRequest()
        request.topics = [topic]
        let response: CreateTopicsResponse = try ask(request, 7)
        return response.topics[0]
    }

    static func produceRequest(
        _ topic: String, _ records: [UInt8], partition: Int32 = 0, acks: Int16 = -1
    ) -> ProduceRequest {
        var data = ProduceRequest.PartitionProduceData()
        data.index = partition
        data.records = 0..<records.count
        var topicData = ProduceRequest.TopicProduceData()
        topicData.name = topic
        topicData.partitionData = [data]
        var request = ProduceRequest()
        request.acks = acks
        request.timeoutMs = 1_000
        request.topicData = [topicData]
        return request
    }

    func produce(
        _ topic: String, _ records: [UInt8], partition: Int32 = 0, acks: Int16 = -1,
        version: Int16 = 9
    ) throws -> ProduceResponse.PartitionProduceResponse {
        let response: ProduceResponse = try ask(
            Self.produceRequest(topic, records, partition: partition, acks: acks), version,
            records: records)
        return response.responses[0].partitionResponses[0]
    }

    static func fetchRequest(
        _ topic: String, _ offset: Int64, partition: Int32 = 0, maxWait: Int32 = 0,
        minBytes: Int32 = 1, maxBytes: Int32 = 1 << 20, partitionBytes: Int32 = 1 << 20
    ) -> FetchRequest {
        var wanted = FetchRequest.FetchPartition()
        wanted.partition = partition
        wanted.fetchOffset = offset
        wanted.partitionMaxBytes = partitionBytes
        var topicEntry = FetchRequest.FetchTopic()
        topicEntry.topic = topic
        topicEntry.partitions = [wanted]
        var request = FetchRequest()
        request.maxWaitMs = maxWait
        request.minBytes = minBytes
        request.maxBytes = maxBytes
        request.topics = [topicEntry]
        return request
    }

    func fetch(_ request: FetchRequest) throws -> FetchResponse.PartitionData {
        let response: FetchResponse = try ask(request, 12)
        return response.responses[0].partitions[0]
    }
}

/// The values in batches as they come from a fetch.
func values(_ records: [UInt8]?) throws -> [String] {
    var values: [String] = []
    let bytes = records ?? []
    var batches = RecordBatchCursor(bytes.span.bytes)
    while let batch = try batches.next() {
        var cursor = RecordCursor(batch.payload, count: Int(batch.header.recordCount))
        while let record = try cursor.next() {
            guard let value = record.value else { continue }
            values.append(String(repairingUTF8: value))
        }
    }
    return values
}
