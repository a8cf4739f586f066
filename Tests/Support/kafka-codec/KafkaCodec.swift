import Bytes
import Glibc
import KafkaProtocol

/// Reads message bodies, one a line, and answers each with what this project's codec makes of it.
///
///     in    <api key> <version> request|response <hex of a body>
///     in    <api key> <version> request|response default
///     out   ok <hex of the message encoded again> <byte count foretold> <dump>
///     out   error <what is wrong>
///
/// `default` stands for a message that was made and not filled. The conformance tests hold the
/// answers against those of another implementation.
@main
enum KafkaCodec {
    static func main() {
        while let line = readLine() {
            print(answer(line))
            // Whoever asks waits for the answer.
            fflush(nil)
        }
    }

    private static func answer(_ line: String) -> String {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard
            words.count == 4, let key = Int16(words[0]), let api = APIKey(rawValue: key),
            let version = Int16(words[1]), api.versions?.contains(version) == true,
            let types = messages[api]
        else { return "error no such message" }
        let type = words[2] == "request" ? types.request : types.response
        if words[3] == "default" { return written(type.init(), version, frame: []) }
        guard let bytes = bytes(fromHex: words[3]) else { return "error not hexadecimal" }
        do {
            var reader = ByteReader(bytes.span.bytes)
            let message = try type.init(decoding: &reader, version: version)
            guard reader.isAtEnd else { return "error \(reader.remaining) bytes left" }
            return written(message, version, frame: bytes)
        } catch {
            return "error \(error)"
        }
    }

    private static func written(
        _ message: some KafkaMessage, _ version: Int16, frame: [UInt8]
    ) -> String {
        var writer = ByteWriter()
        message.encode(into: &writer, version: version, frame: frame.span.bytes)
        let dump = message.dump(version: version)
        return "ok \(hex(writer.bytes)) \(message.byteCount(version: version)) \(dump)"
    }

    private static func bytes(fromHex text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: Int?
        for digit in text {
            guard let value = digit.hexDigitValue else { return nil }
            if let first = high {
                bytes.append(UInt8(first << 4 | value))
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        var text = ""
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return text
    }

    private typealias Messages = (request: any KafkaMessage.Type, response: any KafkaMessage.Type)

    private static let messages: [APIKey: Messages] = [
        .produce: (ProduceRequest.self, ProduceResponse.self),
        .fetch: (FetchRequest.self, FetchResponse.self),
        .listOffsets: (ListOffsetsRequest.self, ListOffsetsResponse.self),
        .metadata: (MetadataRequest.self, MetadataResponse.self),
        .offsetCommit: (OffsetCommitRequest.self, OffsetCommitResponse.self),
        .offsetFetch: (OffsetFetchRequest.self, OffsetFetchResponse.self),
        .findCoordinator: (FindCoordinatorRequest.self, FindCoordinatorResponse.self),
        .joinGroup: (JoinGroupRequest.self, JoinGroupResponse.self),
        .heartbeat: (HeartbeatRequest.self, HeartbeatResponse.self),
        .leaveGroup: (LeaveGroupRequest.self, LeaveGroupResponse.self),
        .syncGroup: (SyncGroupRequest.self, SyncGroupResponse.self),
        .describeGroups: (DescribeGroupsRequest.self, DescribeGroupsResponse.self),
        .listGroups: (ListGroupsRequest.self, ListGroupsResponse.self),
        .apiVersions: (ApiVersionsRequest.self, ApiVersionsResponse.self),
        .createTopics: (CreateTopicsRequest.self, CreateTopicsResponse.self),
        .deleteTopics: (DeleteTopicsRequest.self, DeleteTopicsResponse.self),
        .deleteRecords: (DeleteRecordsRequest.self, DeleteRecordsResponse.self),
        .initProducerId: (InitProducerIdRequest.self, InitProducerIdResponse.self),
        .offsetForLeaderEpoch: (
            OffsetForLeaderEpochRequest.self, OffsetForLeaderEpochResponse.self
        ),
        .describeConfigs: (DescribeConfigsRequest.self, DescribeConfigsResponse.self),
        .describeLogDirs: (DescribeLogDirsRequest.self, DescribeLogDirsResponse.self),
        .createPartitions: (CreatePartitionsRequest.self, CreatePartitionsResponse.self),
        .deleteGroups: (DeleteGroupsRequest.self, DeleteGroupsResponse.self),
        .incrementalAlterConfigs: (
            IncrementalAlterConfigsRequest.self, IncrementalAlterConfigsResponse.self
        ),
        .describeCluster: (DescribeClusterRequest.self, DescribeClusterResponse.self),
    ]
}
