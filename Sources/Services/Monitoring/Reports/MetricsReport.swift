import Broker
import JetStreamAPI
import KafkaCoordination
import KafkaService
import Model
import NATSService
import Platform
import Transport

/// `/metrics`: the whole server for Prometheus. docs/monitoring.md lists the names.
extension ReportService {
    /// - Parameter perStream: whether each stream, consumer, partition and group has samples of its
    ///   own.
    func makeMetrics(perStream: Bool, _ answer: @escaping @Sendable ([UInt8]) -> Void) {
        let write: @Sendable ([Broker.StreamReport], KafkaNumbers?, JetStreamTotals?) -> Void = {
            [self] streams, kafka, totals in
            onWorker({ _ in }) { [self] in
                answer(metrics(streams, kafka, totals, perStream: perStream))
                return Report()
            }
        }
        guard broker != nil else { return write([], nil, nil) }
        jetStreamTotals { [self] totals in
            kafkaNumbers(perPartition: perStream) { [self] kafka in
                guard perStream, totals != nil else { return write([], kafka, totals) }
                streamReports(withConsumers: true) { write($0, kafka, totals) }
            }
        }
    }

    /// What loop 0 knows of the Kafka side.
    struct KafkaNumbers: Sendable {
        var service: KafkaServiceStatistics?
        var partitions: [Broker.PartitionReport] = []
        var groupCount = 0
        var lags: [Lag] = []

        struct Lag: Sendable {
            var group: String
            var topic: String
            var partition: Int
            var committed: Int64
            var lag: Int64
        }
    }

    private func kafkaNumbers(
        perPartition: Bool, _ next: @escaping @Sendable (KafkaNumbers?) -> Void
    ) {
        guard let broker, let kafka else { return next(nil) }
        home.post {
            var numbers = KafkaNumbers()
            numbers.service = kafka.statistics
            let groups = broker.groups.list()
            numbers.groupCount = groups.count
            guard perPartition else { return next(numbers) }
            numbers.partitions = broker.partitionReports
            var ends: [String: [Int: Int64]] = [:]
            for report in numbers.partitions {
                ends[report.topic, default: [:]][report.partition] = report.endOffset
            }
            for group in groups {
                for (topic, partitions) in broker.groups.offsets.all(of: group.group) {
                    for (partition, committed) in partitions {
                        guard let end = ends[topic]?[Int(partition)] else { continue }
                        numbers.lags.append(
                            KafkaNumbers.Lag(
                                group: group.group, topic: topic, partition: Int(partition),
                                committed: committed.offset.value,
                                lag: max(0, end - committed.offset.value)))
                    }
                }
            }
            next(numbers)
        }
    }

    private func metrics(
        _ streams: [Broker.StreamReport], _ kafka: KafkaNumbers?, _ totals: JetStreamTotals?,
        perStream: Bool
    ) -> [UInt8] {
        var text = MetricsText()
        writeProcess(to: &text)
        writeNATS(to: &text)
        if let totals { writeJetStream(totals, to: &text) }
        if let kafka { writeKafka(kafka, to: &text) }
        if perStream {
            if totals != nil { writeStreams(streams, to: &text) }
            if let kafka { writePartitions(kafka, to: &text) }
        }
        return text.bytes
    }

    private func writeProcess(to text: inout MetricsText) {
        let (facts, usage) = (facts, ProcessUsage.now())
        text.begin("duolog_info", .gauge, "What the server is; always 1.")
        text.sample(
            "duolog_info",
            [
                ("version", facts.version), ("nats_version", facts.options.version),
                ("server_id", facts.options.serverID), ("server_name", facts.options.serverName),
            ], 1)
        text.begin("process_start_time_seconds", .gauge, "When the process began, since 1970.")
        text.sample("process_start_time_seconds", [], Double(facts.start.milliseconds) / 1000)
        text.begin("process_cpu_seconds_total", .counter, "User and system time of the process.")
        text.sample("process_cpu_seconds_total", [], Double(usage.processorNanoseconds) / 1e9)
        text.single(
            "process_resident_memory_bytes", .gauge, "Memory of the process.",
            usage.residentByteCount)
    }

    private func writeNATS(to text: inout MetricsText) {
        let clients = nats.clientStatistics
        text.single(
            "duolog_nats_connections", .gauge, "Clients that are connected.", nats.clientCount)
        text.single(
            "duolog_nats_connections_total", .counter, "Clients that have connected.",
            clients.totalConnections)
        text.single(
            "duolog_nats_slow_consumers_total", .counter,
            "Clients that were cut off because they took too little.", clients.slowConsumers)
        text.single(
            "duolog_nats_stale_connections_total", .counter,
            "Clients that were cut off because they answered no PING.", clients.staleConnections)
        text.single(
            "duolog_nats_publisher_stalls_total", .counter,
            "Times that a publisher had to wait for a receiver.", clients.stalls)
        let accounts = nats.accounts.all.map { ($0.name, $0, $0.statistics) }
        text.begin("duolog_nats_subscriptions", .gauge, "Subscriptions of an account's clients.")
        for (name, account, _) in accounts {
            text.sample("duolog_nats_subscriptions", [("account", name)], account.subscriptionCount)
        }
        text.begin(
            "duolog_nats_messages_total", .counter,
            "Messages from an account's clients (in) and to them (out).")
        for (name, _, statistics) in accounts {
            text.directions(
                "duolog_nats_messages_total", name, statistics.messagesIn, statistics.messagesOut)
        }
        text.begin(
            "duolog_nats_bytes_total", .counter, "Bytes of their headers and payloads.")
        for (name, _, statistics) in accounts {
            text.directions(
                "duolog_nats_bytes_total", name, statistics.bytesIn, statistics.bytesOut)
        }
    }

    private func writeJetStream(_ totals: JetStreamTotals, to text: inout MetricsText) {
        text.single("duolog_streams", .gauge, "Streams, topics among them.", totals.streams.streamCount)
        text.single("duolog_consumers", .gauge, "JetStream consumers.", totals.streams.consumerCount)
        text.single(
            "duolog_stored_messages", .gauge, "Messages in all streams.",
            totals.streams.messageCount)
        text.single(
            "duolog_stored_bytes", .gauge, "Bytes in all streams.",
            totals.streams.memoryByteCount + totals.streams.storageByteCount)
        text.single(
            "duolog_message_ids", .gauge, "Message ids that are remembered to find repeated publishes.",
            totals.streams.messageIDCount)
        text.single(
            "duolog_storage_damages_total", .counter,
            "Stretches of files that could not be read, found since the start.",
            totals.streams.damageCount)
        text.single(
            "duolog_storage_compacted_bytes_total", .counter,
            "Bytes that came back by writing segments anew.", totals.streams.compactedByteCount)
        text.single(
            "duolog_jetstream_api_requests_total", .counter, "Requests to $JS.API.", totals.apiTotal)
        text.single(
            "duolog_jetstream_api_errors_total", .counter, "Those answered with an error.",
            totals.apiErrors)
    }

    private func writeKafka(_ kafka: KafkaNumbers, to text: inout MetricsText) {
        guard let service = kafka.service else { return }
        text.single(
            "duolog_kafka_connections", .gauge, "Kafka clients that are connected.",
            service.connectionCount)
        text.single(
            "duolog_kafka_connections_total", .counter, "Kafka clients that have connected.",
            service.totalConnections)
        text.begin("duolog_kafka_requests_total", .counter, "Kafka requests, by API.")
        for (api, count) in service.requests.sorted(by: { $0.key < $1.key }) {
            text.sample("duolog_kafka_requests_total", [("api", api)], count)
        }
        text.single(
            "duolog_kafka_request_bytes_total", .counter, "Bytes of Kafka requests.",
            service.requestByteCount)
        text.single("duolog_kafka_groups", .gauge, "Consumer groups.", kafka.groupCount)
    }
}

extension MetricsText {
    fileprivate mutating func directions(
        _ name: String, _ account: String, _ incoming: UInt64, _ outgoing: UInt64
    ) {
        sample(name, [("account", account), ("direction", "in")], incoming)
        sample(name, [("account", account), ("direction", "out")], outgoing)
    }
}
