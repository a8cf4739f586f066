public import Bytes

/// The body of a request or of a response.
public protocol KafkaMessage: KafkaStruct {
    static var api: APIKey { get }

    // Requirements with one implementation for all, so that each message's conformance carries its
    // own specialised copy of the walks, whichever module calls.
    static func decodeBody(
        _ reader: inout ByteReader, version: Int16
    ) throws(MalformedBytes) -> Self
    func encodeBody(_ writer: inout ByteWriter, frame: RawSpan, version: Int16)
}

public protocol KafkaRequest: KafkaMessage {}
public protocol KafkaResponse: KafkaMessage {}

extension KafkaMessage {
    /// Reads a message; bytes behind it are left alone.
    ///
    /// Ranges in the message (``ProduceRequest``'s records) count from the start of what `reader`
    /// was made over.
    public init(decoding reader: inout ByteReader, version: Int16) throws(MalformedBytes) {
        self = try Self.decodeBody(&reader, version: version)
    }

    /// Appends the message to `writer`. `frame` is what the message's ranges, if it has any, point
    /// into.
    public func encode(
        into writer: inout ByteWriter, version: Int16, frame: RawSpan = RawSpan()
    ) {
        encodeBody(&writer, frame: frame, version: version)
    }

    /// How many bytes ``encode(into:version:frame:)`` appends.
    public func byteCount(version: Int16) -> Int {
        var sizer = KafkaSizer(version: version, isFlexible: Self.api.isFlexible(version))
        var message = self
        sizer.structure(&message)
        return sizer.byteCount
    }

    /// The message on one line, for people.
    public func dump(version: Int16) -> String {
        var dumper = KafkaDumper(version: version, isFlexible: Self.api.isFlexible(version))
        var message = self
        dumper.structure(&message)
        return dumper.output
    }

    public static func decodeBody(
        _ reader: inout ByteReader, version: Int16
    ) throws(MalformedBytes) -> Self {
        var decoder = KafkaDecoder(reader, version: version, isFlexible: api.isFlexible(version))
        var message = Self()
        try decoder.structure(&message)
        try reader.skip(decoder.position - reader.position)
        return message
    }

    public func encodeBody(_ writer: inout ByteWriter, frame: RawSpan, version: Int16) {
        var taken = ByteWriter()
        swap(&taken, &writer)
        var encoder = KafkaEncoder(
            consume taken, frame: frame, version: version, isFlexible: Self.api.isFlexible(version))
        var message = self
        encoder.structure(&message)
        swap(&encoder.writer, &writer)
    }
}
