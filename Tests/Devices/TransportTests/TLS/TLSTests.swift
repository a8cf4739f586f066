import Bytes
import Glibc
import Model
import Testing
import Transport

@Suite struct TLSTests {
    private static let files = TestCertificates.shared

    static func pair(_ name: String) -> TLSSettings.Certificate {
        TLSSettings.Certificate(
            certificateFile: files.file("\(name).pem"), keyFile: files.file("\(name).key"))
    }

    static func plan(
        _ start: TLSPlan.Start = .afterGreeting, _ change: (inout TLSSettings) -> Void = { _ in }
    ) throws -> ConnectionPlan {
        var settings = TLSSettings(certificates: [pair("server")])
        change(&settings)
        var tls = TLSPlan(context: try TLSContext(settings))
        tls.start = start
        return ConnectionPlan(tls: tls)
    }

    @Test(arguments: [0x0303, 0x0304] as [Int32])
    func `the greeting comes in the clear and the rest under TLS`(version: Int32) throws {
        let server = try FilteredServer(try Self.plan())
        defer { server.stop() }
        let plain = Client(port: server.port)
        #expect(plain.receive(6) == Array("hello\n".utf8))
        let client = try #require(TLSClient(plain, version: version))
        client.send("over ")
        client.send("TLS\n")
        #expect(client.receive(9) == Array("over TLS\n".utf8))
        let identity = try #require(server.connections[0].tlsIdentity)
        #expect(identity.version == (version == 0x0303 ? "1.2" : "1.3"))
        #expect(
            identity.cipherSuite
                == (version == 0x0303
                    ? "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" : "TLS_AES_128_GCM_SHA256"))
        #expect(identity.serverName == "localhost")
        #expect(identity.certificate == nil)
    }

    @Test func `a client that begins with TLS is greeted under it`() throws {
        let server = try FilteredServer(try Self.plan(.first))
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        #expect(client.receive(6) == Array("hello\n".utf8))
    }

    @Test func `who waits is greeted in the clear, who begins is not`() throws {
        let server = try FilteredServer(
            try Self.plan(.firstOrGreeting(afterNanoseconds: 50_000_000)))
        defer { server.stop() }
        let quick = try #require(TLSClient(Client(port: server.port)))
        #expect(quick.receive(6) == Array("hello\n".utf8))
        let plain = Client(port: server.port)
        #expect(plain.receive(6) == Array("hello\n".utf8))
        let slow = try #require(TLSClient(plain))
        slow.send("x\n")
        #expect(slow.receive(2) == Array("x\n".utf8))
    }

    @Test func `where both are allowed the client's first byte decides`() throws {
        var plan = try Self.plan()
        plan.tls!.allowsPlain = true
        let server = try FilteredServer(plan)
        defer { server.stop() }
        let clear = Client(port: server.port)
        #expect(clear.receive(6) == Array("hello\n".utf8))
        clear.send("in the clear\n")
        #expect(clear.receive(13) == Array("in the clear\n".utf8))
        let plain = Client(port: server.port)
        _ = plain.receive(6)
        let secured = try #require(TLSClient(plain))
        secured.send("under TLS\n")
        #expect(secured.receive(10) == Array("under TLS\n".utf8))
    }

    @Test func `a message longer than any buffer arrives whole both ways`() throws {
        let server = try FilteredServer(try Self.plan(.first), greets: false)
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        var long = [UInt8](repeating: 97, count: 3_000_000)
        for index in stride(from: 0, to: long.count, by: 997) {
            long[index] = UInt8(index % 23 + 97)
        }
        long[long.count - 1] = 10
        client.send(long)
        #expect(client.receive(long.count) == long)
    }

    @Test func `what was written before a close is sent, and then the end is told`() throws {
        let server = try FilteredServer(try Self.plan(.first), greets: false)
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        client.send("bye\n")
        #expect(client.receive(4) == Array("bye\n".utf8))
        #expect(client.sawEnd())
    }

    @Test func `a client that tells its end is answered with what it is owed and an end`() throws {
        let server = try FilteredServer(try Self.plan(.first), greets: false)
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        client.send("last\n")
        client.end()
        #expect(client.receive(5) == Array("last\n".utf8))
        #expect(client.sawEnd())
        #expect(server.firstEnd()?.reason == .peerClosed)
    }

    @Test func `bytes written by all loops arrive whole and in records that open`() throws {
        let server = try FilteredServer(try Self.plan(.first), loopCount: 2, greets: false)
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        client.send("ready\n")
        #expect(client.receive(6) == Array("ready\n".utf8))
        let connection = server.connections[0]
        for _ in 0..<200 {
            for loop in server.group.loops {
                loop.post {
                    connection.write(
                        [UInt8](repeating: UInt8(loop.index), count: 1000).span.bytes, from: loop)
                }
            }
        }
        let bytes = client.receive(400_000)
        #expect(bytes.count == 400_000)
        for start in stride(from: 0, to: bytes.count, by: 1000) {
            #expect(Set(bytes[start..<start + 1000]).count == 1)
        }
    }

    // MARK: Who the client is

    @Test func `a verified client is known by all its names`() throws {
        let server = try FilteredServer(
            try Self.plan(.first) { settings in
                settings.verifiesClients = true
                settings.caFile = Self.files.file("ca.pem")
            })
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port), certificate: "bob"))
        #expect(client.receive(6) == Array("hello\n".utf8))
        let certificate = try #require(server.connections[0].tlsIdentity?.certificate)
        #expect(certificate.isVerified)
        #expect(certificate.subject == "CN=bob,O=Acme,C=DE")
        #expect(certificate.emails == ["bob@acme.example"])
        #expect(certificate.dnsNames == ["bob.local"])
        #expect(certificate.uris == ["spiffe://acme/bob"])
        #expect(certificate.keyDigest.count == 64)
        #expect(certificate.chain.first?.first == 0x30)
    }

    @Test func `a client without a certificate is refused where one is asked for`() throws {
        let server = try FilteredServer(
            try Self.plan(.first) { settings in
                settings.verifiesClients = true
                settings.caFile = Self.files.file("ca.pem")
            })
        defer { server.stop() }
        // In TLS 1.3 the client believes that the handshake is over when the server has not yet
        // seen that there is no certificate.
        let client = TLSClient(Client(port: server.port))
        #expect(client == nil || client!.receive(6).isEmpty)
        #expect(
            server.firstEnd()?.failure == .handshake("peer did not return a certificate"))
    }

    @Test func `a certificate that somebody else vouches for is refused`() throws {
        let server = try FilteredServer(
            try Self.plan(.first) { settings in
                settings.verifiesClients = true
                settings.caFile = Self.files.file("ca.pem")
            })
        defer { server.stop() }
        let client = TLSClient(Client(port: server.port), certificate: "mallory")
        #expect(client == nil || client!.receive(6).isEmpty)
        guard case .handshake(let reason) = server.firstEnd()?.failure else {
            Issue.record("no handshake failure")
            return
        }
        #expect(reason.contains("local issuer"))
    }

    @Test func `only pinned keys are let in`() throws {
        let verified = try FilteredServer(
            try Self.plan(.first) { settings in
                settings.verifiesClients = true
                settings.caFile = Self.files.file("ca.pem")
            })
        let first = try #require(TLSClient(Client(port: verified.port), certificate: "bob"))
        _ = first.receive(6)
        let digest = try #require(verified.connections[0].tlsIdentity?.certificate?.keyDigest)
        verified.stop()
        for (pins, isLetIn) in [([digest], true), ([String(repeating: "0", count: 64)], false)] {
            let server = try FilteredServer(
                try Self.plan(.first) { settings in
                    settings.verifiesClients = true
                    settings.caFile = Self.files.file("ca.pem")
                    settings.pinnedKeys = Set(pins)
                })
            let client = TLSClient(Client(port: server.port), certificate: "bob")
            #expect((client?.receive(6) == Array("hello\n".utf8)) == isLetIn)
            if !isLetIn { #expect(server.firstEnd()?.failure == .unknownCertificate) }
            server.stop()
        }
    }

    @Test func `the host that a client asks for chooses the certificate`() throws {
        let server = try FilteredServer(
            try Self.plan(.first) { $0.certificates.append(Self.pair("second")) })
        defer { server.stop() }
        let wanted = [
            ("localhost", "localhost"), ("second.example", "second.example"),
            ("nobody.example", "localhost"),
        ]
        for (host, name) in wanted {
            let client = try #require(TLSClient(Client(port: server.port), host: host))
            #expect(client.peerName == name)
        }
        let nameless = try #require(TLSClient(Client(port: server.port), host: nil))
        #expect(nameless.peerName == "localhost")
    }

    // MARK: Settings

    @Test func `a version below the minimum is refused`() throws {
        let server = try FilteredServer(try Self.plan(.first) { $0.minimumVersion = .v1_3 })
        defer { server.stop() }
        #expect(TLSClient(Client(port: server.port), version: 0x0303) == nil)
        #expect(server.firstEnd()?.failure == .handshake("unsupported protocol"))
        #expect(TLSClient(Client(port: server.port), version: 0x0304) != nil)
    }

    @Test func `cipher suites and curves go by Go's names`() throws {
        let server = try FilteredServer(
            try Self.plan(.first) { settings in
                settings.cipherSuites = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]
                settings.curvePreferences = ["CurveP384"]
            })
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port), version: 0x0303))
        _ = client.receive(6)
        #expect(
            server.connections[0].tlsIdentity?.cipherSuite
                == "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")
    }

    @Test func `what cannot be set up is named`() {
        #expect(throws: TLSError.noCertificate) {
            _ = try TLSContext(TLSSettings(certificates: []))
        }
        #expect(throws: TLSError.unknownCipherSuite("TLS_NO_SUCH")) {
            _ = try Self.plan { $0.cipherSuites = ["TLS_NO_SUCH"] }
        }
        #expect(throws: TLSError.unknownCurve("CurveP1")) {
            _ = try Self.plan { $0.curvePreferences = ["CurveP1"] }
        }
        let mixed = TLSSettings.Certificate(
            certificateFile: Self.files.file("server.pem"), keyFile: Self.files.file("bob.key"))
        #expect(throws: TLSError.certificate(mixed, reason: "key values mismatch")) {
            _ = try Self.plan { $0.certificates = [mixed] }
        }
        #expect(throws: TLSError.self) {
            _ = try Self.plan { settings in
                settings.verifiesClients = true
                settings.caFile = "/no/such/file"
            }
        }
    }

    @Test func `a certificate says when it ends`() throws {
        let context = try TLSContext(TLSSettings(certificates: [Self.pair("server")]))
        let end = try #require(context.notAfter)
        let days = (end.nanoseconds / 1_000_000_000 - Int64(time(nil))) / 3600
        #expect(46...49 ~= days)
    }
}
