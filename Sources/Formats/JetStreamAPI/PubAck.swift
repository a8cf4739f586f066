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

    /// Appends the answer to `bytes`.
    public func write(sequence: UInt64, isDuplicate: Bool = false, to bytes: inout [UInt8]) {
        // A span: to append the array itself costs a retain and a release.
        bytes.append(copying: prefix.span.bytes)
        bytes.appendDecimal(sequence)
        if isDuplicate { bytes.append(contentsOf: Array(",\"duplicate\": true".utf8)) }
        bytes.append(UInt8(ascii: "}"))
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
