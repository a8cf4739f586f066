import Bytes
import JSON
import JetStreamAPI
import Model
import NATSProtocol

/// What a service of another account is told of who asks, in the header `Nats-Request-Info`.
///
/// Source: nats-server, `ClientInfo`.
struct RequestInfo {
    static let header = "Nats-Request-Info"

    /// Where the request was published.
    var account: String
    /// The account that passed it on, where it has crossed more than one.
    var service: String?
    /// The rest is told where the import shares it.
    var client: Client?
    var roundTripNanoseconds: Int64 = 0
    /// Told where the client is shown, and where a request is shared only after it was passed on.
    var serverName: String?

    struct Client {
        var start: Timestamp
        var host: String
        var id: UInt64
        var user: String
        var name: String
        var language: String
        var version: String
    }

    /// Told by events only.
    var stop: Timestamp?
    var nameTag = ""

    /// For events.
    var value: JSONValue { (try? JSONValue.parse(json.span.bytes)) ?? .null }

    var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        if let client {
            json.field("start", client.start.rfc3339)
            json.field("host", client.host)
            json.field("id", client.id)
        }
        json.field("acc", account)
        if let service { json.field("svc", service) }
        if let client {
            if !client.user.isEmpty { json.field("user", client.user) }
            if !client.name.isEmpty { json.field("name", client.name) }
            if !client.language.isEmpty { json.field("lang", client.language) }
            if !client.version.isEmpty { json.field("ver", client.version) }
        }
        if roundTripNanoseconds > 0 { json.field("rtt", roundTripNanoseconds) }
        if let serverName { json.field("server", serverName) }
        if let stop { json.field("stop", stop.rfc3339) }
        if !nameTag.isEmpty { json.field("name_tag", nameTag) }
        if client != nil {
            json.field("kind", "Client")
            json.field("client_type", "nats")
        }
        json.endObject()
        return json.bytes
    }

    /// `block` with this in it, and without what the client itself says there.
    func added(to block: RawSpan) -> [UInt8] {
        var out: [UInt8] = []
        let view = HeaderBlock(block)
        if block.byteCount < 4 {
            out = Array("NATS/1.0\r\n".utf8)
        } else if view.value(Self.header) == nil {
            out = [UInt8](copying: block.extracting(0..<block.byteCount - 2))
        } else {
            out = Self.lines(of: block)
        }
        out += Array("\(Self.header): ".utf8) + json + Array("\r\n\r\n".utf8)
        return out
    }

    /// All lines but those of this header and the empty one at the end.
    private static func lines(of block: RawSpan) -> [UInt8] {
        let name = Array("\(header):".utf8)
        var out: [UInt8] = []
        var start = 0
        while start < block.byteCount {
            var end = start
            while end < block.byteCount, block[byteAt: end] != 0x0A { end += 1 }
            end = min(end + 1, block.byteCount)
            let line = [UInt8](copying: block.extracting(start..<end))
            if !line.starts(with: name), line != [0x0D, 0x0A] { out += line }
            start = end
        }
        return out
    }
}
