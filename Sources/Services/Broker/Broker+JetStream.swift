import Bytes
import Model
import Storage

extension Broker {
    /// A frame of a log's JetStream view: deletes and purges, or what a consumer did.
    func replayStreamFrame(
        _ header: FrameHeader, _ payload: RawSpan, of log: PartitionLog
    ) throws {
        throw MalformedBytes.badLength(payload.byteCount)
    }
}
