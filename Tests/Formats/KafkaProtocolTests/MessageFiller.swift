import Bytes
import KafkaProtocol
import Model

/// A walker that fills a message with values drawn from a seed: the same seed, the same message.
struct MessageFiller: KafkaWalker {
    typealias Failure = Never

    let version: Int16
    let isFlexible: Bool
    private var chance: SeededNumbers

    /// What ranges into the frame of a filled message point into.
    static let frame = [UInt8](repeating: 0xAB, count: 300)

    init(version: Int16, isFlexible: Bool, seed: UInt64) {
        self.version = version
        self.isFlexible = isFlexible
        chance = SeededNumbers(seed: seed)
    }

    mutating func field<Value: KafkaValue>(_: StaticString, _ value: inout Value) {
        value.walkValue(&self)
    }

    mutating func field<Value: KafkaNullable>(
        _: StaticString, _ value: inout Value?, nullableSince: Int16
    ) {
        Value.walkNullable(&value, &self, nullable: version >= nullableSince)
    }

    mutating func tagged<Value: KafkaValue>(
        _: Int, _: StaticString, _ value: inout Value, default: Value
    ) {
        if Bool.random(using: &chance) { value.walkValue(&self) }
    }

    mutating func bytes(_: StaticString, _ value: inout [UInt8]) {
        value = someBytes()
    }

    mutating func bytes(_: StaticString, _ value: inout [UInt8]?) {
        value = oneIn(4) ? nil : someBytes()
    }

    mutating func frameBytes(_: StaticString, _ value: inout Range<Int>?) {
        value = oneIn(4) ? nil : 7..<Int.random(in: 7..<Self.frame.count, using: &chance)
    }

    mutating func boolean(_ value: inout Bool) {
        value = Bool.random(using: &chance)
    }

    mutating func integer<Value: KafkaInteger>(_ value: inout Value) {
        value = Value.random(in: .min ... .max, using: &chance)
    }

    mutating func errorCode(_ value: inout KafkaError) {
        value = KafkaError.allCases.randomElement(using: &chance)!
    }

    mutating func uuid(_ value: inout TopicID) {
        value = TopicID(high: chance.next(), low: chance.next())
    }

    mutating func text(_ value: inout String?, nullable: Bool) {
        guard !(nullable && oneIn(4)) else {
            value = nil
            return
        }
        let count = [0, 1, 15, 16, 64, 130].randomElement(using: &chance)!
        value = String((0..<count).map { _ in "aZ9._ö€🦊".randomElement(using: &chance)! })
    }

    mutating func elements<Element: KafkaValue>(_ value: inout [Element]?, nullable: Bool) {
        guard !(nullable && oneIn(4)) else {
            value = nil
            return
        }
        value = []
        for _ in 0..<Int.random(in: 0...3, using: &chance) {
            var element = Element()
            element.walkValue(&self)
            value!.append(element)
        }
    }

    mutating func structure<Structure: KafkaStruct>(_ value: inout Structure) {
        value.walk(&self)
        if isFlexible { value.walkTagged(&self) }
    }

    private mutating func oneIn(_ count: Int) -> Bool {
        Int.random(in: 0..<count, using: &chance) == 0
    }

    private mutating func someBytes() -> [UInt8] {
        let count = [0, 1, 20, 127, 128].randomElement(using: &chance)!
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &chance) }
    }
}

/// Random numbers that are the same on every run. Source: Steele, Lea and Flood, "SplitMix64".
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A message in one of its versions.
struct MessageCase: Sendable, CustomStringConvertible {
    let type: any KafkaMessage.Type
    let version: Int16

    var description: String { "\(type) v\(version)" }

    static let all: [MessageCase] = types.flatMap { type in
        type.api.versions!.map { MessageCase(type: type, version: $0) }
    }

    private static let types: [any KafkaMessage.Type] = [
        ProduceRequest.self, ProduceResponse.self,
        FetchRequest.self, FetchResponse.self,
        ListOffsetsRequest.self, ListOffsetsResponse.self,
        MetadataRequest.self, MetadataResponse.self,
        OffsetCommitRequest.self, OffsetCommitResponse.self,
        OffsetFetchRequest.self, OffsetFetchResponse.self,
        FindCoordinatorRequest.self, FindCoordinatorResponse.self,
        JoinGroupRequest.self, JoinGroupResponse.self,
        HeartbeatRequest.self, HeartbeatResponse.self,
        LeaveGroupRequest.self, LeaveGroupResponse.self,
        SyncGroupRequest.self, SyncGroupResponse.self,
        DescribeGroupsRequest.self, DescribeGroupsResponse.self,
        ListGroupsRequest.self, ListGroupsResponse.self,
        ApiVersionsRequest.self, ApiVersionsResponse.self,
        CreateTopicsRequest.self, CreateTopicsResponse.self,
        DeleteTopicsRequest.self, DeleteTopicsResponse.self,
        DeleteRecordsRequest.self, DeleteRecordsResponse.self,
        InitProducerIdRequest.self, InitProducerIdResponse.self,
        OffsetForLeaderEpochRequest.self, OffsetForLeaderEpochResponse.self,
        DescribeConfigsRequest.self, DescribeConfigsResponse.self,
        DescribeLogDirsRequest.self, DescribeLogDirsResponse.self,
        CreatePartitionsRequest.self, CreatePartitionsResponse.self,
        DeleteGroupsRequest.self, DeleteGroupsResponse.self,
        IncrementalAlterConfigsRequest.self, IncrementalAlterConfigsResponse.self,
        DescribeClusterRequest.self, DescribeClusterResponse.self,
    ]

    /// The bytes of a message filled from `seed`.
    func filled(seed: UInt64) -> [UInt8] {
        type.filled(seed: seed, version: version)
    }

    /// Reads a message from `body` and writes it again.
    func again(_ body: [UInt8]) throws(MalformedBytes) -> [UInt8] {
        try type.again(body, version: version)
    }
}

extension KafkaMessage {
    fileprivate static func filled(seed: UInt64, version: Int16) -> [UInt8] {
        var message = Self()
        var filler = MessageFiller(
            version: version, isFlexible: api.isFlexible(version), seed: seed)
        filler.structure(&message)
        return encoded(message, version: version, frame: MessageFiller.frame)
    }

    fileprivate static func again(
        _ body: [UInt8], version: Int16
    ) throws(MalformedBytes) -> [UInt8] {
        encoded(try decoded(Self.self, body, version: version), version: version, frame: body)
    }
}

func decoded<Message: KafkaMessage>(
    _: Message.Type, _ body: [UInt8], version: Int16
) throws(MalformedBytes) -> Message {
    var reader = ByteReader(body.span.bytes)
    return try Message(decoding: &reader, version: version)
}

func encoded(_ message: some KafkaMessage, version: Int16, frame: [UInt8] = []) -> [UInt8] {
    var writer = ByteWriter()
    message.encode(into: &writer, version: version, frame: frame.span.bytes)
    return writer.bytes
}
