import Bytes
import JSON

/// Writes the answers to publishes of one stream: the front is made once, the number for each message.
///
/// `{"stream":"A","seq":1}`, with the server's JetStream domain, if it has one, between the two, and with
/// `,"duplicate": true` for a message that was there already: the space is the server's.
public struct PubAckWriter: Sendable {
    private let prefix: [UInt8]
    private let stream: String

    public init(stream: String, domain: String = "") {
        var json = JSONWriter()
        json.beginObject()
        json.field("stream", stream)
        if !domain.isEmpty { json.field("domain", domain) }
        prefix = json.bytes + Array(",\"seq\":".utf8)
        self.stream = stream
    }

    private static let duplicateMark: StaticString = ",\"duplicate\": true"

    /// Appends the answer to `bytes`.
    public func write(sequence: UInt64, isDuplicate: Bool = false, to bytes: inout GrowingBytes) {
        bytes.append(prefix.span.bytes)
        bytes.decimal(sequence)
        if isDuplicate { bytes.append(Self.duplicateMark) }
        bytes.append(byte: UInt8(ascii: "}"))
    }

    /// How long the answer is that ``write(sequence:isDuplicate:to:)`` appends.
    public func byteCount(sequence: UInt64, isDuplicate: Bool = false) -> Int {
        prefix.count + decimalDigitCount(sequence) + (isDuplicate ? Self.duplicateMark.utf8CodeUnitCount : 0) + 1
    }

    public func refusal(_ error: JetStreamError) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("error")
        error.write(to: &json)
        json.field("stream", stream)
        json.field("seq", 0)
        json.endObject()
        return json.bytes
    }
}
