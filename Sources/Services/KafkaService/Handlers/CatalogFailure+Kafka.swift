import Broker
import Catalog
import KafkaProtocol

/// How Kafka puts what the catalog refuses.
extension CatalogFailure {
    var kafkaError: KafkaError {
        switch self {
        case .refused(let refusal):
            switch refusal {
            case .nameExists: .topicAlreadyExists
            case .nameCollides, .illegalTopicName: .invalidTopicException
            case .badPartitionCount, .partitionsAreFixed: .invalidPartitions
            case .subjectsOverlap, .badSubject: .invalidConfig
            case .noSuchStream: .unknownTopicOrPartition
            case .noSuchConsumer: .unknownServerError
            }
        case .setting: .invalidConfig
        case .storage: .kafkaStorageError
        }
    }

    var message: String {
        switch self {
        case .refused(let refusal):
            switch refusal {
            case .nameExists: "The topic exists."
            case .nameCollides(let existing): "The name collides with \(existing)."
            case .illegalTopicName(let name): "\(name) is not a legal topic name."
            case .badPartitionCount(let count): "\(count) partitions are not possible here."
            case .partitionsAreFixed(let reason): "The partitions are fixed: \(reason)."
            case .subjectsOverlap(let stream):
                "The topic's subjects overlap those of the stream \(stream); set "
                    + "\(TopicSettings.subjectName) to another subject."
            case .badSubject(let subject): "\(subject) is not a subject that a topic can have."
            case .noSuchStream: "There is no such topic."
            case .noSuchConsumer: "There is no such consumer."
            }
        case .setting(.unknown(let name)): "There is no topic setting \(name)."
        case .setting(.badValue(let name, let value)): "\(value) is no value for \(name)."
        case .storage(let error): "\(error)"
        }
    }
}
