public import Bytes

/// What opens every request.
///
///     int16            api key
///     int16            api version
///     int32            correlation id, returned in the response
///     nullable string  client id; its length is an int16 in flexible versions too
///     tagged fields    in flexible versions
public struct RequestHeader: Equatable, Sendable {
    public var apiKey: Int16
    public var apiVersion: Int16
    public var correlationId: Int32
    /// Empty where the client sent none.
    public var clientId: String

    public init(apiKey: Int16, apiVersion: Int16, correlationId: Int32, clientId: String = "") {
        self.apiKey = apiKey
        self.apiVersion = apiVersion
        self.correlationId = correlationId
        self.clientId = clientId
    }

    /// The request, if this module has a message for it in the version asked for.
    public var knownAPI: APIKey? {
        guard let key = APIKey(rawValue: apiKey), let versions = key.versions else { return nil }
        return versions.contains(apiVersion) ? key : nil
    }

    /// Reads a header and leaves `reader` at the body.
    ///
    /// Of a request that is not known (``knownAPI``) only the three integers are read, for nobody
    /// can say in which form the rest is.
    public init(decoding reader: inout ByteReader) throws(MalformedBytes) {
        let key = try reader.int(Int16.self)
        let version = try reader.int(Int16.self)
        self.init(apiKey: key, apiVersion: version, correlationId: try reader.int())
        guard let api = knownAPI else { return }
        let count = Int(try reader.int(Int16.self))
        if count > 0 {
            clientId = try reader.string(count)
        } else if count < -1 {
            throw .badLength(count)
        }
        if api.isFlexible(version) { try skipTaggedFields(&reader) }
    }

    public func encode(into writer: inout ByteWriter) {
        writer.int(apiKey)
        writer.int(apiVersion)
        writer.int(correlationId)
        let sendable = clientId.cutToWireLength()
        writer.int(Int16(sendable.utf8.count))
        writer.append(sendable)
        if knownAPI?.isFlexible(apiVersion) == true { writer.unsignedVarint(0) }
    }
}

/// What opens every response: the correlation id of its request and, in flexible versions, tagged
/// fields.
///
/// The response to ApiVersions never has tagged fields in its header: a client must be able to read
/// it before it knows what the broker speaks. Source: KIP-511.
public struct ResponseHeader: Equatable, Sendable {
    public var correlationId: Int32

    public init(correlationId: Int32) {
        self.correlationId = correlationId
    }

    public init(
        decoding reader: inout ByteReader, api: APIKey, version: Int16
    ) throws(MalformedBytes) {
        correlationId = try reader.int()
        if Self.hasTaggedFields(api, version) { try skipTaggedFields(&reader) }
    }

    public func encode(into writer: inout ByteWriter, api: APIKey, version: Int16) {
        writer.int(correlationId)
        if Self.hasTaggedFields(api, version) { writer.unsignedVarint(0) }
    }

    private static func hasTaggedFields(_ api: APIKey, _ version: Int16) -> Bool {
        api != .apiVersions && api.isFlexible(version)
    }
}

private func skipTaggedFields(_ reader: inout ByteReader) throws(MalformedBytes) {
    var left = try reader.unsignedVarint()
    while left > 0 {
        left -= 1
        _ = try reader.unsignedVarint()
        let size = try reader.unsignedVarint()
        guard size <= UInt64(reader.remaining) else { throw .truncated }
        try reader.skip(Int(size))
    }
}
