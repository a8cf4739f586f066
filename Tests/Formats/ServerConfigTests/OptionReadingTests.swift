import ServerConfig
import Testing

/// What a file says, as options. Each text was accepted by nats-server 2.15.1, but for `kafka`.
struct OptionReadingTests {
    @Test func `the client port`() throws {
        #expect(try options("port: 4333").port == 4333)
        #expect(try options("listen: -1").port == -1)
        let both = try options("listen: \"127.0.0.1:-1\"\nserver_name: n1\nclient_advertise: \"h:99\"")
        #expect(both.host == "127.0.0.1" && both.port == -1)
        #expect(both.serverName == "n1" && both.clientAdvertise == "h:99")
        #expect(try options("listen: \"[::1]:4222\"").host == "::1")
        #expect(try options("net: localhost").host == "localhost")
        #expect(try options("server_tags: [a, \"b:c\"]\nserver_metadata {a: b}").serverTags == ["a", "b:c"])
    }

    @Test func `monitoring`() throws {
        #expect(try options("http: 8222").monitoring.port == 8222)
        let address = try options("http: \"localhost:-1\"\nhttp_base_path: nats/").monitoring
        #expect(address.host == "localhost" && address.port == -1 && address.basePath == "/nats")
        #expect(try options("monitor_port: 0").monitoring.port == nil)
    }

    @Test func `HTTPS takes the place of the HTTP port that a program has by itself`() throws {
        var defaults = ServerOptions()
        defaults.monitoring.port = 8222
        let tls = "tls {cert_file: c, key_file: k}\n"
        func load(_ text: String) throws -> ServerOptions {
            try LoadedConfiguration(
                ServerFlags(["-c", "x.conf"]), defaults: defaults, from: surroundings(files: ["x.conf": tls + text])
            ).options
        }
        #expect(try load("https: 8443").monitoring.port == nil)
        #expect(try load("debug: off").monitoring.port == 8222)
        #expect { _ = try load("https: 8443\nhttp: 8222") } throws: {
            "\($0)" == "cannot have both an http and an https monitoring port"
        }
    }

    @Test func `limits and times`() throws {
        let limits = try options(
            """
            max_payload: 2MB, max_pending: 10MB, max_control_line: 8k, max_conn: 5, max_subs: 3, max_sub_tokens: 8
            ping_interval: "30s", ping_max: 5, write_deadline: "1m1.5s", no_fast_producer_stall: true, write_timeout: retry
            """
        ).limits
        #expect(limits.maximumPayload == 2_097_152 && limits.maximumPending == 10_485_760)
        #expect(limits.maximumControlLine == 8000 && limits.maximumConnections == 5)
        #expect(limits.maximumSubscriptions == 3 && limits.maximumSubscriptionTokens == 8)
        #expect(limits.pingIntervalNanoseconds == 30_000_000_000 && limits.maximumPingsOut == 5)
        #expect(limits.writeDeadlineNanoseconds == 61_500_000_000)
        #expect(limits.neverStallsProducers && limits.writeTimeoutPolicy == .retry)
    }

    @Test func `a bare number of seconds is taken with a warning`() throws {
        let tree = try ConfigTree(text: Array("ping_interval: 5".utf8), name: "x.conf")
        var options = ServerOptions()
        let warnings = try options.apply(tree, readFile: surroundings().readFile)
        #expect(options.limits.pingIntervalNanoseconds == 5_000_000_000)
        #expect(
            warnings.map(\.description) == [
                "x.conf:1:0: invalid use of field \"ping_interval\": ping_interval should be converted to a duration"
            ])
    }

    @Test func `users, permissions and tokens`() throws {
        let text = """
            authorization {
              timeout: 1.5
              default_permissions { publish: {deny: "x.>"} }
              users: [
                {user: a, password: b, permissions: {publish: [p, q], subscribe: {allow: ["s v1", t], deny: u}, allow_responses: true}}
                {nkey: UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4, allowed_connection_types: [standard, WEBSOCKET]}
                {user: c, pass: d, permissions: {allow_responses: {max: 5, expires: "1m"}}}
              ]
            }
            """
        let authorization = try #require(try options(text).authorization)
        #expect(authorization.timeoutNanoseconds == 1_500_000_000)
        #expect(authorization.defaultPermissions?.publish == SubjectPermission(deny: ["x.>"]))
        let users = authorization.users
        #expect(users.map(\.user) == ["a", nil, "c"])
        #expect(users[0].permissions?.publish == SubjectPermission(allow: ["p", "q"]))
        #expect(users[0].permissions?.subscribe == SubjectPermission(allow: ["s v1", "t"], deny: ["u"]))
        #expect(users[0].permissions?.responses == ResponsePermission())
        #expect(users[1].allowedConnectionTypes == [.standard, .webSocket])
        #expect(users[2].permissions?.responses?.maximumMessages == 5)
        #expect(users[2].permissions?.responses?.expiresNanoseconds == 60_000_000_000)
        #expect(try options("authorization { token: abc }").authorization?.token == "abc")
        #expect(try options("authorization { user: u, pass: $2a$11$x }").authorization?.password == "$2a$11$x")
    }

    @Test func `accounts with exports, imports, mappings and limits`() throws {
        let text = """
            accounts {
              $SYS { users: [{user: s, password: p}] }
              A {
                jetstream: {max_mem: 1G, max_streams: 3}
                limits { max_connections: 5 }
                exports: [
                  {stream: "orders.>", accounts: [B]}
                  {service: "q.*", response: stream, threshold: "1s", latency: {subject: lat, sampling: "50%"}, account_token_position: 2}
                ]
                mappings: { foo: bar, "a.*": [{destination: "b.$1", weight: 30%}, {destination: "c.$1", weight: 70, cluster: X}] }
              }
              B { imports: [{stream: {account: A, subject: "orders.>"}, prefix: in}, {service: {account: A, subject: q.x}, to: z, share: true}] }
            }
            system_account: $SYS
            """
        // A `$` begins a variable, also here.
        #expect(problems(text).contains("variable reference for 'SYS' can not be found"))
        let accounts = try options(text.replacing("system_account: $SYS", with: "system_account: \"$SYS\"")).accounts
        #expect(accounts.map(\.name) == ["$SYS", "A", "B"])
        let a = accounts[1]
        #expect(a.jetStream?.maximumMemory == 1_000_000_000 && a.jetStream?.maximumStreams == 3)
        #expect(a.limits.maximumConnections == 5 && a.limits.maximumSubscriptions == -1)
        #expect(a.exports[0].kind == .stream && a.exports[0].accounts == ["B"])
        #expect(a.exports[1].response == .stream && a.exports[1].responseThresholdNanoseconds == 1_000_000_000)
        #expect(a.exports[1].latency == LatencyOptions(subject: "lat", samplingPercent: 50))
        #expect(a.exports[1].accountTokenPosition == 2 && a.exports[1].accounts == nil)
        #expect(a.mappings[0] == MappingOptions(source: "foo", destinations: [MappingDestination(subject: "bar")]))
        #expect(a.mappings[1].destinations.map(\.weight) == [30, 70] && a.mappings[1].destinations[1].cluster == "X")
        #expect(accounts[2].imports[0].prefix == "in" && accounts[2].imports[0].account == "A")
        #expect(accounts[2].imports[1].to == "z" && accounts[2].imports[1].shares)
        #expect(try options("accounts: [A, B]").accounts.map(\.name) == ["A", "B"])
    }

    @Test func `JetStream`() throws {
        #expect(try options("jetstream: enabled").jetStream == JetStreamOptions())
        #expect(try options("jetstream: off").jetStream == nil)
        let block = try #require(
            try options("jetstream {store_dir: /d, max_mem: \"1G\", max_file: 10GB, domain: hub, limits {max_ack_pending: 7}}").jetStream)
        #expect(block.storeDirectory == "/d" && block.maximumMemory == 1 << 30 && block.maximumStorage == 10 << 30)
        #expect(block.domain == "hub" && block.limits.maximumAckPending == 7)
        #expect(try options("store_dir: /d").storeDirectory == "/d")
    }

    @Test func `TLS and WebSocket`() throws {
        let tls = try #require(
            try options(
                "tls {cert_file: c, key_file: k, ca_file: a, verify_and_map: true, timeout: 0.5, handshake_first: \"300ms\", min_version: \"1.3\"}"
            ).tls)
        #expect(tls.certificates == [CertificateFiles(certificateFile: "c", keyFile: "k")] && tls.authorityFile == "a")
        #expect(tls.verifiesClients && tls.mapsCertificatesToUsers && tls.timeoutNanoseconds == 500_000_000)
        #expect(tls.handshakeFirst == .auto(fallbackNanoseconds: 300_000_000) && tls.minimumVersion == .v1_3)
        let webSocket = try #require(
            try options(
                "websocket {listen: \"127.0.0.1:8080\", no_tls: true, compression: on, allowed_origins: [\"http://a\"], jwt_cookie: j, headers {X-A: b}}"
            ).webSocket)
        #expect(webSocket.host == "127.0.0.1" && webSocket.port == 8080 && webSocket.noTLS && webSocket.compression)
        #expect(webSocket.allowedOrigins == ["http://a"] && webSocket.jwtCookie == "j")
        #expect(webSocket.headers == [HTTPHeaderOption(name: "X-A", value: "b")])
    }

    @Test func `operators come from files or stand in the file, and resolvers have their folder`() throws {
        let decorated = "-----BEGIN NATS OPERATOR JWT-----\neyJx.y.z\n------END NATS OPERATOR JWT------\n"
        let files = ["op.jwt": decorated]
        #expect(try options("operator: op.jwt\nresolver: MEMORY", files: files).operators == ["eyJx.y.z"])
        #expect(try options("operator: eyJa.b.c\nresolver_preload: {AB: jwt}").resolverPreload == [PreloadedAccount(account: "AB", jwt: "jwt")])
        var directory = DirectoryResolverOptions(directory: "./jwt")
        directory.allowsDelete = true
        #expect(try options("resolver: {type: full, dir: ./jwt, allow_delete: true}").resolver == .directory(directory))
        #expect(problems("operator: none.jwt").contains("error parsing operator JWT: open none.jwt"))
    }

    @Test func `the kafka block`() throws {
        let kafka = try #require(
            try options("kafka {listen: \"0.0.0.0:9093\", advertise: \"kafka.example:9092\", num_partitions: 6, connections_max_idle: \"1m\"}").kafka)
        #expect(kafka.host == "0.0.0.0" && kafka.port == 9093 && kafka.defaultPartitionCount == 6)
        #expect(kafka.advertisedHost == "kafka.example" && kafka.advertisedPort == 9092)
        #expect(kafka.maximumIdleNanoseconds == 60_000_000_000)
        #expect(try options("kafka: true").kafka == KafkaOptions())
        #expect(try options("kafka: off").kafka == nil)
        for key in ["connections_max_idle", "log_cleaner_backoff", "group_initial_rebalance_delay"] {
            #expect(throws: (any Error).self) { try options("kafka { \(key): \"-1s\" }") }
        }
        #expect(throws: (any Error).self) { try options("kafka { connections_max_idle: \"0s\" }") }
    }

    @Test func `all that is wrong is said at once`() {
        let text = "foo: bar\nport 4333\n baz=1\nauthorization { user: a, passw: b }"
        #expect(
            problems(text) == """
                x.conf:1:0: unknown field "foo"
                x.conf:3:2: unknown field "baz"
                x.conf:4:26: unknown field "passw"
                """)
    }

    @Test(arguments: [
        ("debug: 3", "x.conf:1:0: expected a boolean, but got an integer"), ("port: \"x\"", "x.conf:1:0: expected an integer, but got a string"),
        ("port: 70000", "x.conf:1:0: 70000 is too large, the most is 65535"), ("listen: foo", "x.conf:1:0: could not parse address string \"foo\""),
        ("ping_interval: \"5q\"", "x.conf:1:0: error parsing ping_interval: \"5q\" is no duration such as 2m or 500ms"),
        ("max_payload: 3GB", "x.conf:1:0: max_payload value is too big"), ("server_name: \"a b\"", "x.conf:1:0: server name cannot contain spaces"),
        ("lame_duck_duration: \"10s\"", "x.conf:1:0: invalid lame_duck_duration of 10s, minimum is 30 seconds"),
        ("write_timeout: foo", "x.conf:1:0: write_timeout must be 'default', 'close' or 'retry'"),
        ("tls {cert_file: foo}", "x.conf:1:0: missing 'key_file' in TLS configuration"),
        ("websocket {port: 8080}", "x.conf:1:0: websocket requires TLS configuration, or no_tls: true"),
        ("authorization { users: [{user: a, pass: b},{user: a, pass: c}] }", "x.conf:1:0: Duplicate user \"a\" detected"),
        ("authorization { user: a, pass: b, token: c }", "x.conf:1:0: Cannot have a user/pass and token"),
        ("mappings { a: [{destination: b, weight: 60}, {destination: c, weight: 60}] }", "x.conf:1:11: mapping \"a\": total weight needs to be <= 100"),
        ("jetstream { store_dir: /x }\nstore_dir: /y", "x.conf:2:1: Duplicate 'store_dir' configuration"),
        ("accounts { A { exports: [{stream: a, response: single}] } }", "x.conf:1:37: Detected a directive for services on an export of a stream"),
        ("cluster { port: 6222 }", "x.conf:1:0: cluster is not supported yet"), ("leafnodes { port: 7422 }", "x.conf:1:0: leafnodes is not supported yet"),
        ("jetstream { key: secret }", "x.conf:1:12: encryption of what is stored is not supported yet"),
    ])
    func `what is wrong is named with its place`(_ text: String, _ expected: String) {
        #expect(problems(text) == expected)
    }
}
