import Broker
import Catalog
import KafkaProtocol

/// Changes settings of topics. Those of the broker are fixed at its start.
enum IncrementalAlterConfigsHandler: RequestHandler {
    typealias Resource = IncrementalAlterConfigsRequest.AlterConfigsResource

    private enum Operation: Int8 {
        case set = 0
        case delete, append, subtract
    }

    private struct Refusal: Error {
        var error: KafkaError
        var message: String
    }

    static func handle(_ request: IncrementalAlterConfigsRequest, _ exchange: Exchange) {
        var response = IncrementalAlterConfigsResponse()
        response.responses = request.resources.map { resource in
            var result = IncrementalAlterConfigsResponse.AlterConfigsResourceResponse()
            result.resourceType = resource.resourceType
            result.resourceName = resource.resourceName
            do throws(Refusal) {
                try alter(resource, validateOnly: request.validateOnly, exchange)
            } catch {
                result.errorCode = error.error
                result.errorMessage = error.message
            }
            return result
        }
        exchange.answerWhenDurable(response)
    }

    private static func alter(
        _ resource: Resource, validateOnly: Bool, _ exchange: Exchange
    ) throws(Refusal) {
        switch ConfigResource(rawValue: resource.resourceType) {
        case .topic: break
        case .broker:
            throw Refusal(
                error: .invalidConfig, message: "This broker's settings are fixed at its start.")
        case .brokerLogger, .clientMetrics, .group, nil:
            throw Refusal(
                error: .invalidRequest,
                message: "Resources of type \(resource.resourceType) have no settings here.")
        }
        guard let stream = exchange.broker.catalog.stream(topicName: resource.resourceName) else {
            throw Refusal(error: .unknownTopicOrPartition, message: "There is no such topic.")
        }
        var config = stream.topicConfig
        var seen: Set<String> = []
        for change in resource.configs {
            guard seen.insert(change.name).inserted else {
                throw Refusal(
                    error: .invalidRequest, message: "\(change.name) is changed more than once.")
            }
            try apply(change, to: &config)
        }
        do {
            try exchange.broker.configureTopic(
                stream.id, config: config, validateOnly: validateOnly)
        } catch {
            throw Refusal(error: error.kafkaError, message: error.message)
        }
    }

    private static func apply(
        _ change: IncrementalAlterConfigsRequest.AlterableConfig, to config: inout [String: String]
    ) throws(Refusal) {
        let name = change.name
        guard name != TopicSettings.subjectName else {
            throw Refusal(error: .invalidConfig, message: "\(name) is fixed at creation.")
        }
        guard let operation = Operation(rawValue: change.configOperation) else {
            throw Refusal(
                error: .invalidRequest, message: "There is no operation \(change.configOperation).")
        }
        if operation == .delete {
            config[name] = nil
            return
        }
        guard let value = change.value else {
            throw Refusal(error: .invalidRequest, message: "\(name) has no value.")
        }
        if operation == .set {
            config[name] = value
            return
        }
        guard let setting = TopicSettings.all.first(where: { $0.name == name }),
            setting.kind == .list
        else { throw Refusal(error: .invalidConfig, message: "\(name) is no list.") }
        var items = (config[name] ?? setting.defaultValue).split(separator: ",").map(String.init)
        for item in value.split(separator: ",").map(String.init) {
            items.removeAll { $0 == item }
            if operation == .append { items.append(item) }
        }
        config[name] = items.joined(separator: ",")
    }
}
