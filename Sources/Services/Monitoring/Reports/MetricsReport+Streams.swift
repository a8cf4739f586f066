import Broker
import JetStreamAPI

/// The part of `/metrics` that grows with the number of streams, consumers and groups.
extension ReportService {
    func writeStreams(_ streams: [Broker.StreamReport], to text: inout MetricsText) {
        let ofStreams: [(String, String, (StreamState) -> UInt64)] = [
            ("duolog_stream_messages", "Messages in a stream.", { $0.messages }),
            ("duolog_stream_bytes", "Bytes in a stream.", { $0.bytes }),
            ("duolog_stream_first_sequence", "The first sequence that is there.", { $0.firstSequence }),
            ("duolog_stream_last_sequence", "The last sequence that was given out.", { $0.lastSequence }),
        ]
        for (name, help, value) in ofStreams {
            text.begin(name, .gauge, help)
            for stream in streams {
                text.sample(name, [("stream", stream.info.config.name)], value(stream.info.state))
            }
        }
        let ofConsumers: [(String, String, (ConsumerInfo) -> UInt64)] = [
            ("duolog_consumer_pending_messages", "Messages not delivered yet.", { $0.pendingCount }),
            (
                "duolog_consumer_ack_pending_messages", "Messages delivered and not acked.",
                { UInt64(max(0, $0.ackPendingCount)) }
            ),
            (
                "duolog_consumer_redelivered_messages", "Those of them delivered more than once.",
                { UInt64(max(0, $0.redeliveredCount)) }
            ),
            (
                "duolog_consumer_waiting_pulls", "Pull requests that wait for messages.",
                { UInt64(max(0, $0.waitingCount)) }
            ),
            (
                "duolog_consumer_delivered_sequence", "The last stream sequence delivered.",
                { $0.delivered.stream }
            ),
            (
                "duolog_consumer_ack_floor_sequence", "The sequence up to which all is acked.",
                { $0.ackFloor.stream }
            ),
        ]
        for (name, help, value) in ofConsumers {
            text.begin(name, .gauge, help)
            for stream in streams {
                for consumer in stream.consumers {
                    text.sample(
                        name,
                        [("stream", stream.info.config.name), ("consumer", consumer.name)],
                        value(consumer))
                }
            }
        }
    }

    func writePartitions(_ kafka: KafkaNumbers, to text: inout MetricsText) {
        let ofPartitions: [(String, String, (Broker.PartitionReport) -> Int64)] = [
            ("duolog_partition_start_offset", "The first offset of a partition.", { $0.startOffset }),
            ("duolog_partition_end_offset", "The offset behind the last readable record.", { $0.endOffset }),
            ("duolog_partition_bytes", "Bytes in a partition.", { $0.byteCount }),
        ]
        for (name, help, value) in ofPartitions {
            text.begin(name, .gauge, help)
            for report in kafka.partitions {
                text.sample(
                    name, [("topic", report.topic), ("partition", "\(report.partition)")],
                    value(report))
            }
        }
        let ofGroups: [(String, String, (KafkaNumbers.Lag) -> Int64)] = [
            ("duolog_group_committed_offset", "The offset that a group has committed.", { $0.committed }),
            ("duolog_group_lag_records", "Records behind what a group has committed.", { $0.lag }),
        ]
        for (name, help, value) in ofGroups {
            text.begin(name, .gauge, help)
            for lag in kafka.lags {
                text.sample(
                    name,
                    [
                        ("group", lag.group), ("topic", lag.topic),
                        ("partition", "\(lag.partition)"),
                    ], value(lag))
            }
        }
    }
}
