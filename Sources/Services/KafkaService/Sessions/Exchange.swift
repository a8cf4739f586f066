import Broker
import Bytes
import Catalog
import KafkaProtocol
import Model

/// One request and the place for its answer.
struct Exchange {
    let session: KafkaSession
    let slot: UInt64
    let api: APIKey
    let header: RequestHeader

    init(_ session: KafkaSession, _ slot: UInt64, _ api: APIKey, _ header: RequestHeader) {
        self.session = session
        self.slot = slot
        self.api = api
        self.header = header
    }

    var service: KafkaService { session.service }
    var broker: Broker { session.service.broker }
    var version: Int16 { header.apiVersion }

    /// Answers now, or in its turn behind the answers before it.
    func answer(_ response: some KafkaResponse) {
        answer(response, inVersion: version)
    }

    /// Answers in another version than was asked for.
    func answer(_ response: some KafkaResponse, inVersion version: Int16) {
        answer(frame: frame(response, version))
    }

    /// Answers with a frame that is written already.
    func answer(frame: [UInt8]) { answer(Answer(frame)) }

    /// Answers with what is written already, or lies in files.
    func answer(_ answer: Answer) { session.fill(slot, with: answer) }

    /// Answers once what was decided so far is kept as surely as `assurance` says.
    func answerWhenDurable(_ response: some KafkaResponse, _ assurance: Assurance = .device) {
        service.sendWhenDurable(assurance, frame(response, version), of: self)
    }

    /// Lets the answers behind this one go: the client expects none to this request.
    func endWithoutAnswer() { session.fill(slot, with: .none) }

    /// As Kafka does where no answer can be given.
    func hangUp() { session.close() }

    private func frame<Response: KafkaResponse>(
        _ response: Response, _ version: Int16
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        KafkaFrame.append(
            response, correlationId: header.correlationId, version: version, to: &writer)
        return writer.bytes
    }

    // MARK: What requests name

    /// A topic by its name, or by its id in the versions that use ids.
    func topic(name: String, id: TopicID, byID: Bool) -> StreamEntry? {
        byID ? broker.catalog.stream(topicID: id) : broker.catalog.stream(topicName: name)
    }

    /// What is said of a topic that is not there.
    func unknownTopic(byID: Bool) -> KafkaError { byID ? .unknownTopicId : .unknownTopicOrPartition }

    /// Whether the client's idea of the leader epoch, if it has one, is right.
    func epochError(_ epoch: Int32) -> KafkaError? {
        if epoch < 0 || epoch == PartitionLog.leaderEpoch { return nil }
        return epoch < PartitionLog.leaderEpoch ? .fencedLeaderEpoch : .unknownLeaderEpoch
    }
}
