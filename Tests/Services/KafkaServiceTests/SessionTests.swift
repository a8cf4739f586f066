import Bytes
import KafkaProtocol
import KafkaService
import Testing

/// Kafka reference 1: frames, versions, the order of answers, and peers that send anything else.
@Suite struct SessionTests {
    let server: KafkaTestServer

    init() throws { server = try KafkaTestServer() }

    /// Runs `body` and stops the server.
    func serving(_ body: (KafkaTestServer) throws -> Void) throws {
        defer { server.stop() }
        try body(server)
    }

    @Test func `only what has a handler is advertised, Produce from 0`() throws {
        try serving { (server) throws in
            var request = ApiVersionsRequest()
            request.clientSoftwareName = "test"
            request.clientSoftwareVersion = "1.0"
            let response: ApiVersionsResponse = try KafkaTestClient(server).ask(request, 4)
            #expect(response.errorCode == .none)
            let ranges = Dictionary(
                uniqueKeysWithValues: response.apiKeys.map {
                    (Int($0.apiKey), [$0.minVersion, $0.maxVersion])
                })
            #expect(ranges[0] == [0, 13])
            #expect(ranges[1] == [4, 18])
            #expect(ranges[18] == [0, 4])
            for missing in [24, 25, 26, 28, 68, 71, 72, 76] { #expect(ranges[missing] == nil) }
        }
    }

    @Test func `an unknown version of ApiVersions is answered in version 0`() throws {
        try serving { (server) throws in
            let client = KafkaTestClient(server)
            client.send([0, 0, 0, 12, 0, 18, 0, 99, 0, 0, 0, 7, 0xFF, 0xFF, 0xFF, 0xFF])
            let (id, response) = try client.receive(ApiVersionsResponse.self, 0)
            #expect(id == 7)
            #expect(response.errorCode == .unsupportedVersion)
            #expect(response.apiKeys.map(\.apiKey) == [18])
            #expect(response.apiKeys.map(\.maxVersion) == [4])
            let next: ApiVersionsResponse = try client.ask(ApiVersionsRequest(), 0)
            #expect(next.errorCode == .none)
        }
    }

    @Test func `software without a proper name is an invalid request`() throws {
        try serving { (server) throws in
            let client = KafkaTestClient(server)
            let response: ApiVersionsResponse = try client.ask(ApiVersionsRequest(), 3)
            #expect(response.errorCode == .invalidRequest)
        }
    }

    @Test(arguments: [
        // An api nobody has, and a version of Metadata and of Produce that nobody serves.
        [0, 0, 0, 8, 0x03, 0xE8, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 8, 0, 3, 0, 99, 0, 0, 0, 1],
        [0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 1],
        // Sizes of 0, -1, 2³¹ - 1, and one that is too short for a header.
        [0, 0, 0, 0],
        [0xFF, 0xFF, 0xFF, 0xFF],
        [0x7F, 0xFF, 0xFF, 0xFF],
        [0, 0, 0, 3, 0, 3, 0],
        // Metadata version 1 with 2³¹ - 1 topics, and with -2 of them.
        [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF],
        [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE],
        // A client id longer than the frame.
        [0, 0, 0, 10, 0, 3, 0, 1, 0, 0, 0, 1, 0x7F, 0xFF],
        Array("GET / HTTP/1.1\r\n\r\n".utf8),
    ] as [[UInt8]])
    func `what cannot be a request ends the connection, and only that one`(bytes: [UInt8]) throws {
        try serving { (server) throws in
            let bystander = KafkaTestClient(server)
            let client = KafkaTestClient(server)
            client.send(bytes)
            #expect(client.sawEnd())
            let response: ApiVersionsResponse = try bystander.ask(ApiVersionsRequest(), 0)
            #expect(response.errorCode == .none)
        }
    }

    @Test func `bytes behind a request are ignored`() throws {
        try serving { (server) throws in
            let client = KafkaTestClient(server)
            client.send(MetadataRequest(), 13, trailing: [0, 1, 2])
            let (_, response) = try client.receive(MetadataResponse.self, 13)
            #expect(response.brokers.count == 1)
        }
    }

    @Test func `a request may come in pieces, and many in one`() throws {
        try serving { (server) throws in
            let client = KafkaTestClient(server)
            let frame = KafkaTestClient.frame(MetadataRequest(), 9, correlationID: 5)
            for byte in frame { client.send([byte]) }
            #expect(try client.receive(MetadataResponse.self, 9).correlationID == 5)
            client.send(frame + frame + frame)
            for _ in 0..<3 {
                #expect(try client.receive(MetadataResponse.self, 9).correlationID == 5)
            }
        }
    }

    @Test func `answers come in the order of the requests, whoever is ready first`() throws {
        try serving { (server) throws in
            let client = KafkaTestClient(server)
            _ = try client.createTopic("t")
            let fetch = client.send(KafkaTestClient.fetchRequest("t", 0, maxWait: 10_000), 12)
            let metadata = client.send(MetadataRequest(), 9)
            #expect(client.isQuiet(milliseconds: 200))
            let other = KafkaTestClient(server)
            #expect(try other.produce("t", batch(["x"])).errorCode == .none)
            let (firstID, response) = try client.receive(FetchResponse.self, 12)
            #expect(firstID == fetch)
            #expect(try values(response.responses[0].partitions[0].records) == ["x"])
            #expect(try client.receive(MetadataResponse.self, 9).correlationID == metadata)
        }
    }

    @Test func `a client may send any number of requests before it reads`() throws {
        var options = KafkaServiceOptions()
        options.requestsInFlightLimit = 8
        let server = try KafkaTestServer(options)
        defer { server.stop() }
        let client = KafkaTestClient(server)
        _ = try client.createTopic("t")
        client.send(KafkaTestClient.fetchRequest("t", 0, maxWait: 300), 12)
        var ids: [Int32] = []
        for _ in 0..<500 { ids.append(client.send(MetadataRequest(), 9)) }
        _ = try client.receive(FetchResponse.self, 12)
        for id in ids {
            #expect(try client.receive(MetadataResponse.self, 9).correlationID == id)
        }
    }

    @Test func `a slow reader waits without filling the memory`() throws {
        var options = KafkaServiceOptions()
        options.pendingOutputByteLimit = 1 << 20
        options.heldAnswerByteLimit = 1 << 20
        let server = try KafkaTestServer(options)
        defer { server.stop() }
        let client = KafkaTestClient(server)
        _ = try client.createTopic("t")
        let large = String(repeating: "x", count: 900_000)
        #expect(try client.produce("t", batch([large])).errorCode == .none)
        for _ in 0..<60 { client.send(KafkaTestClient.fetchRequest("t", 0), 12) }
        for _ in 0..<60 {
            let (_, response) = try client.receive(FetchResponse.self, 12)
            #expect(response.responses[0].partitions[0].records?.count ?? 0 > 900_000)
        }
    }

    @Test func `an idle connection is closed`() throws {
        var options = KafkaServiceOptions()
        options.idleMilliseconds = 300
        let server = try KafkaTestServer(options)
        defer { server.stop() }
        #expect(KafkaTestClient(server).sawEnd())
    }

    @Test func `clients are sent where they came from, or where the operator says`() throws {
        try serving { (server) throws in
            let response: MetadataResponse = try KafkaTestClient(server).ask(MetadataRequest(), 12)
            #expect(response.brokers[0].host == "127.0.0.1")
            #expect(Int(response.brokers[0].port) == server.port)
            #expect(response.clusterId?.utf8.count == 22)
            #expect(response.controllerId == response.brokers[0].nodeId)
        }
        var options = KafkaServiceOptions()
        options.advertisedHost = "broker.example"
        options.advertisedPort = 1234
        let advertised = try KafkaTestServer(options)
        defer { advertised.stop() }
        let response: MetadataResponse = try KafkaTestClient(advertised).ask(MetadataRequest(), 12)
        #expect(response.brokers[0].host == "broker.example")
        #expect(response.brokers[0].port == 1234)
    }
}
