import Bytes

/// The beginning of the metadata with which a member of a `consumer` group joins.
///
///     int16  version
///     int32  count, then as many topics: int16 byte count and UTF-8
///     …      user data and more, which only other members read
///
/// Source: Kafka's ConsumerProtocolSubscription.
enum ConsumerSubscription {
    /// The topics, or nil where the bytes are something else.
    static func topics(in metadata: [UInt8]) -> Set<String>? {
        var reader = ByteReader(metadata.span.bytes)
        do throws(MalformedBytes) {
            guard try reader.int(Int16.self) >= 0 else { return nil }
            let count = Int(try reader.int(Int32.self))
            guard count >= 0, count <= reader.remaining / 2 else { return nil }
            var topics: Set<String> = []
            for _ in 0..<count { topics.insert(try reader.string(Int(try reader.int(Int16.self)))) }
            return topics
        } catch {
            return nil
        }
    }
}
