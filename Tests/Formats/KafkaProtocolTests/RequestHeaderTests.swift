import Bytes
import KafkaProtocol
import Testing

@Suite struct RequestHeaderTests {
    private func header(_ bytes: [UInt8]) throws(MalformedBytes) -> (RequestHeader, left: Int) {
        var reader = ByteReader(bytes.span.bytes)
        let header = try RequestHeader(decoding: &reader)
        return (header, reader.remaining)
    }

    @Test func `a header without tagged fields ends behind the client id`() throws {
        let (read, left) = try header([0, 3, 0, 8, 0, 0, 0, 7, 0, 2, 0x6D, 0x65, 9, 9])
        #expect(read == RequestHeader(apiKey: 3, apiVersion: 8, correlationId: 7, clientId: "me"))
        #expect(left == 2)
        #expect(read.knownAPI == .metadata)
    }

    @Test func `a flexible header keeps the old form of the client id and has tagged fields`()
        throws
    {
        let (read, left) = try header([
            0, 3, 0, 9, 0, 0, 0, 7, 0, 2, 0x6D, 0x65, 1, 5, 2, 0xAA, 0xBB, 9,
        ])
        #expect(read == RequestHeader(apiKey: 3, apiVersion: 9, correlationId: 7, clientId: "me"))
        #expect(left == 1)
    }

    @Test func `a null client id counts as empty`() throws {
        let (read, left) = try header([0, 3, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF])
        #expect(read.clientId.isEmpty && left == 0)
    }

    /// Source: KIP-511: the broker answers an ApiVersions request that it cannot read.
    @Test(arguments: [
        [0, 18, 0, 99], [0, 99, 0, 0], [0xFF, 0xFF, 0, 0], [0, 0, 0, 2], [0, 3, 0xFF, 0xFF],
    ])
    func `of an unknown request the correlation id is known`(start: [UInt8]) throws {
        let (read, _) = try header(start + [0, 0, 0, 7])
        #expect(read.knownAPI == nil && read.correlationId == 7)
    }

    @Test func `a header cut off anywhere is refused`() {
        let bytes: [UInt8] = [0, 3, 0, 9, 0, 0, 0, 7, 0, 2, 0x6D, 0x65, 1, 5, 2, 0xAA, 0xBB]
        for count in 0..<bytes.count {
            #expect(throws: MalformedBytes.self) { try header(Array(bytes[..<count])) }
        }
        #expect(throws: MalformedBytes.badLength(-2)) {
            try header([0, 3, 0, 8, 0, 0, 0, 7, 0xFF, 0xFE])
        }
    }

    @Test(
        arguments: [RequestHeader](
            [
                RequestHeader(apiKey: 0, apiVersion: 8, correlationId: -1, clientId: "ä"),
                RequestHeader(apiKey: 0, apiVersion: 9, correlationId: .max, clientId: ""),
            ]))
    func `a header that was written is read as it was`(written: RequestHeader) throws {
        var writer = ByteWriter()
        written.encode(into: &writer)
        let (read, left) = try header(writer.bytes)
        #expect(read == written && left == 0)
    }

    @Test func `a response header has tagged fields in flexible versions, but for ApiVersions`()
        throws
    {
        func bytes(_ api: APIKey, _ version: Int16) throws -> [UInt8] {
            var writer = ByteWriter()
            let header = ResponseHeader(correlationId: 7)
            header.encode(into: &writer, api: api, version: version)
            var reader = ByteReader(writer.bytes.span.bytes)
            let read = try ResponseHeader(decoding: &reader, api: api, version: version)
            let isAtEnd = reader.isAtEnd
            #expect(read == header && isAtEnd)
            return writer.bytes
        }
        #expect(try bytes(.metadata, 8) == [0, 0, 0, 7])
        #expect(try bytes(.metadata, 9) == [0, 0, 0, 7, 0])
        #expect(try bytes(.apiVersions, 2) == [0, 0, 0, 7])
        #expect(try bytes(.apiVersions, 4) == [0, 0, 0, 7])
    }

    @Test func `a response frame says how long it is`() {
        let response = HeartbeatResponse { $0.errorCode = .rebalanceInProgress }
        var writer = ByteWriter()
        writer.append([9])
        KafkaFrame.append(response, correlationId: 7, version: 4, to: &writer)
        #expect(writer.bytes == [9, 0, 0, 0, 12, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 27, 0])
    }
}
