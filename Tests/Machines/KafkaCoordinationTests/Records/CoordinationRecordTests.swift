import Bytes
import KafkaCoordination
import Model
import Testing

@Suite struct CoordinationRecordTests {
    static let key = OffsetKey(group: "billing", topic: "payments", partition: 5)
    static let samples: [CoordinationRecord] = [
        .producerIDsReserved(upTo: 3_000),
        .offsetCommitted(
            key,
            CommittedOffset(
                offset: Offset(42), leaderEpoch: -1, metadata: "héllo",
                commitTime: Timestamp(nanoseconds: 1_700_000_000_123_456_789))),
        .offsetForgotten(key),
        .groupForgotten(group: "billing"),
        .groupEmptied(group: "", at: Timestamp(nanoseconds: 5)),
        .groupOccupied(group: "billing"),
    ]

    func encoded(_ records: [CoordinationRecord]) -> [UInt8] {
        var writer = ByteWriter()
        for record in records { record.encode(into: &writer) }
        return writer.bytes
    }

    @Test func `records come back as they were`() throws {
        let bytes = encoded(Self.samples)
        #expect(try CoordinationRecord.decodeAll(bytes.span.bytes) == Self.samples)
    }

    @Test(arguments: samples) func `a record that is cut anywhere is malformed`(
        record: CoordinationRecord
    ) {
        let bytes = encoded([record])
        for count in 1..<bytes.count {
            let cut = Array(bytes[..<count])
            #expect(throws: CoordinationRecordError.malformed(.truncated)) {
                try CoordinationRecord.decodeAll(cut.span.bytes)
            }
        }
    }

    @Test func `fields added behind the known ones are skipped`() throws {
        // kind 6, "g", and two bytes of a later version; then kind 6, "h".
        let bytes: [UInt8] = [5, 6, 1, 0x67, 0xAA, 0xBB, 3, 6, 1, 0x68]
        #expect(
            try CoordinationRecord.decodeAll(bytes.span.bytes)
                == [.groupOccupied(group: "g"), .groupOccupied(group: "h")])
    }

    @Test func `a kind from a newer version is named`() {
        let bytes: [UInt8] = [1, 99]
        #expect(throws: CoordinationRecordError.unknownKind(99)) {
            try CoordinationRecord.decodeAll(bytes.span.bytes)
        }
    }

    @Test func `a hostile length is refused`() {
        let bytes: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]
        #expect(throws: CoordinationRecordError.malformed(.truncated)) {
            try CoordinationRecord.decodeAll(bytes.span.bytes)
        }
    }
}
