public import Model

/// Passes over the fields of a message in the order of the wire.
///
/// A message says once what it consists of, in its `walk`; what a walk does is the walker's
/// business: ``KafkaDecoder`` fills the fields from bytes, ``KafkaEncoder`` writes them,
/// ``KafkaSizer`` counts the bytes and ``KafkaDumper`` shows them to people. A walker that only
/// looks leaves every field as it was.
///
/// The non-flexible and the flexible form of a field differ in how lengths and counts are written:
///
///     field             old                        flexible ("compact")
///     string            int16 length, -1 null      uvarint length + 1, 0 null
///     bytes, records    int32 length, -1 null      uvarint length + 1, 0 null
///     array             int32 count, -1 null       uvarint count + 1, 0 null
///     end of a struct   nothing                    uvarint count of tagged fields, then for each
///                                                  uvarint tag, uvarint size, value
///
/// Source: KIP-482, "The Kafka Protocol should Support Optional Tagged Fields".
public protocol KafkaWalker: ~Escapable {
    /// What stops the walk: ``MalformedBytes`` for the decoder, `Never` for the others.
    associatedtype Failure: Error

    /// The version of the message that is walked.
    var version: Int16 { get }

    /// The next field of a struct.
    mutating func field<Value: KafkaValue>(
        _ name: StaticString, _ value: inout Value) throws(Failure)

    /// The next field of a struct, which may be null from version `nullableSince` on.
    ///
    /// Before that version a null is refused when read, and written as an empty value.
    mutating func field<Value: KafkaNullable>(
        _ name: StaticString, _ value: inout Value?, nullableSince: Int16) throws(Failure)

    /// A field that is sent only where it differs from its default.
    mutating func tagged<Value: KafkaValue>(
        _ tag: Int, _ name: StaticString, _ value: inout Value, default: Value) throws(Failure)

    /// The next field of a struct: bytes.
    mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) throws(Failure)

    /// The next field of a struct: bytes, or null.
    mutating func bytes(_ name: StaticString, _ value: inout [UInt8]?) throws(Failure)

    /// The next field of a struct: bytes that stay where they are, in the frame.
    mutating func frameBytes(_ name: StaticString, _ value: inout Range<Int>?) throws(Failure)

    // What fields consist of; called by values, not by messages.
    mutating func boolean(_ value: inout Bool) throws(Failure)
    mutating func integer<Value: KafkaInteger>(_ value: inout Value) throws(Failure)
    mutating func errorCode(_ value: inout KafkaError) throws(Failure)
    mutating func uuid(_ value: inout TopicID) throws(Failure)
    mutating func text(_ value: inout String?, nullable: Bool) throws(Failure)
    mutating func elements<Element: KafkaValue>(
        _ value: inout [Element]?, nullable: Bool) throws(Failure)
    mutating func structure<Structure: KafkaStruct>(_ value: inout Structure) throws(Failure)
}

/// What the `walk` of a message takes: a walker may borrow the bytes that it reads.
public typealias Walker = KafkaWalker & ~Escapable
