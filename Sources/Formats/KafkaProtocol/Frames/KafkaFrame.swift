public import Bytes

/// Frames: what a Kafka connection carries in both directions.
///
///     int32   how many bytes follow
///     header  see ``RequestHeader`` and ``ResponseHeader``
///     body
///
/// Responses leave a connection in the order of its requests.
public enum KafkaFrame {
    /// Kafka's default for `socket.request.max.bytes`.
    public static let defaultMaximumByteCount = 104_857_600

    static let sizeByteCount = 4

    /// The first frame in `bytes` without its size, or nil as long as it is not there whole.
    ///
    /// With a frame, ``byteCount(of:)`` bytes are done with.
    /// - Throws: `badLength` for a size of 0, a negative one, or one above `maximumByteCount`, as
    ///   soon as the size
    ///   itself has arrived. The connection has lost its place and is to be closed.
    @_lifetime(copy bytes)
    public static func first(
        in bytes: RawSpan, maximumByteCount: Int = defaultMaximumByteCount
    ) throws(MalformedBytes) -> RawSpan? {
        guard bytes.byteCount >= sizeByteCount else { return nil }
        var reader = ByteReader(bytes)
        let size = Int(try reader.int(Int32.self))
        guard size > 0, size <= maximumByteCount else { throw .badLength(size) }
        guard reader.remaining >= size else { return nil }
        return try reader.bytes(size)
    }

    /// How many bytes a frame takes on the wire, its size included.
    public static func byteCount(of frame: RawSpan) -> Int {
        sizeByteCount + frame.byteCount
    }

    /// Appends a whole response frame to `writer`.
    public static func append<Response: KafkaResponse>(
        _ response: Response, correlationId: Int32, version: Int16, to writer: inout ByteWriter
    ) {
        let start = begin(in: &writer)
        ResponseHeader(correlationId: correlationId)
            .encode(into: &writer, api: Response.api, version: version)
        response.encode(into: &writer, version: version)
        end(start, in: &writer)
    }

    /// Leaves room for the size of a frame that starts here.
    static func begin(in writer: inout ByteWriter) -> Int {
        writer.int(0 as Int32)
        return writer.count
    }

    /// Fills in the size of the frame whose bytes start at `start`.
    ///
    /// - Parameter leftOutByteCount: how many of its bytes are elsewhere.
    static func end(_ start: Int, in writer: inout ByteWriter, leftOutByteCount: Int = 0) {
        writer.patch(Int32(writer.count - start + leftOutByteCount), at: start - sizeByteCount)
    }
}
