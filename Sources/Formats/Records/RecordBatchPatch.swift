import Bytes
import Model

/// What a leader changes in a stored batch, in place.
///
/// Each function takes the batch from its first byte, at least 61 bytes of it.
public enum RecordBatchPatch {
    private typealias Place = RecordBatchHeader.Place

    /// Gives a batch its place in the log. The checksum does not cover these fields.
    public static func assign(
        baseOffset: Offset, leaderEpoch: Int32, in batch: inout MutableRawSpan
    ) {
        store(baseOffset.value, at: Place.baseOffset, in: &batch)
        store(leaderEpoch, at: Place.leaderEpoch, in: &batch)
    }

    /// Gives all records of a batch the log's append time. Takes the whole batch: its checksum is
    /// new.
    public static func setAppendTime(milliseconds: Int64, in batch: inout MutableRawSpan) {
        let attributes = RecordBatchAttributes(rawValue: batch.bytes.int(at: Place.attributes))
        store(attributes.union(.appendTime).rawValue, at: Place.attributes, in: &batch)
        setMaxTimestamp(milliseconds: milliseconds, in: &batch)
    }

    /// Corrects a max timestamp that is not that of the records. Takes the whole batch: its
    /// checksum is new.
    public static func setMaxTimestamp(milliseconds: Int64, in batch: inout MutableRawSpan) {
        store(milliseconds, at: Place.maxTimestamp, in: &batch)
        store(crc32c(batch.bytes.from(Place.attributes)), at: Place.crc, in: &batch)
    }

    private static func store<T: FixedWidthInteger & BitwiseCopyable>(
        _ value: T, at place: Int, in batch: inout MutableRawSpan
    ) {
        batch.storeBytes(of: value.bigEndian, toByteOffset: place, as: T.self)
    }
}
