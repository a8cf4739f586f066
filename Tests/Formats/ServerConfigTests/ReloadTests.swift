import ServerConfig
import Testing

struct ReloadTests {
    /// One change for each property of `ServerOptions`, so that none is forgotten in the comparison.
    private static let changes: [(property: String, change: @Sendable (inout ServerOptions) -> Void)] = [
        ("host", { $0.host = "x" }), ("port", { $0.port = 1 }), ("clientAdvertise", { $0.clientAdvertise = "x" }),
        ("serverName", { $0.serverName = "x" }), ("serverTags", { $0.serverTags = ["x"] }),
        ("serverMetadata", { $0.serverMetadata = ["a": "b"] }), ("tls", { $0.tls = TLSOptions() }),
        ("allowsPlainClients", { $0.allowsPlainClients = true }), ("supportsHeaders", { $0.supportsHeaders = false }),
        ("webSocket", { $0.webSocket = WebSocketOptions() }), ("monitoring", { $0.monitoring.port = 1 }),
        ("kafka", { $0.kafka = KafkaOptions() }), ("limits", { $0.limits.maximumPayload = 1 }),
        ("lameDuck", { $0.lameDuck.gracePeriodNanoseconds = 1 }), ("logging", { $0.logging.debug = true }),
        ("pidFile", { $0.pidFile = "x" }), ("portsFileDirectory", { $0.portsFileDirectory = "x" }),
        ("authorization", { $0.authorization = AuthorizationOptions() }), ("accounts", { $0.accounts = [AccountOptions(name: "A")] }),
        ("noAuthUser", { $0.noAuthUser = "x" }), ("systemAccount", { $0.systemAccount = "x" }),
        ("noSystemAccount", { $0.noSystemAccount = true }), ("mappings", { $0.mappings = [MappingOptions(source: "a", destinations: [])] }),
        ("operators", { $0.operators = ["x"] }), ("resolver", { $0.resolver = .memory }),
        ("resolverPreload", { $0.resolverPreload = [PreloadedAccount(account: "a", jwt: "b")] }), ("trustedKeys", { $0.trustedKeys = ["x"] }),
        ("defaultSentinel", { $0.defaultSentinel = "x" }), ("resolverPinnedAccounts", { $0.resolverPinnedAccounts = ["x"] }),
        ("jetStream", { $0.jetStream = JetStreamOptions() }), ("storeDirectory", { $0.storeDirectory = "x" }),
    ]

    @Test func `every option that changes is noticed`() {
        let properties = Mirror(reflecting: ServerOptions()).children.compactMap(\.label)
        #expect(Set(properties) == Set(Self.changes.map(\.property)))
        for (property, change) in Self.changes {
            var new = ServerOptions()
            change(&new)
            #expect(ServerOptions().changes(to: new).count == 1, "\(property)")
        }
        #expect(ServerOptions().changes(to: ServerOptions()).isEmpty)
    }

    @Test func `every limit and every setting of the log that changes is noticed`() {
        let limits: [(inout LimitOptions) -> Void] = [
            { $0.maximumPayload = 1 }, { $0.maximumControlLine = 1 }, { $0.maximumPending = 1 }, { $0.maximumConnections = 1 },
            { $0.maximumSubscriptions = 1 }, { $0.maximumSubscriptionTokens = 1 }, { $0.maximumClosedClients = 1 },
            { $0.pingIntervalNanoseconds = 1 }, { $0.maximumPingsOut = 1 }, { $0.writeDeadlineNanoseconds = 1 },
            { $0.writeTimeoutPolicy = .retry }, { $0.neverStallsProducers = true },
        ]
        #expect(limits.count == Mirror(reflecting: LimitOptions()).children.count)
        for change in limits {
            var new = ServerOptions()
            change(&new.limits)
            #expect(ServerOptions().changes(to: new).count == 1)
        }
    }

    @Test(arguments: [
        ("max_payload: 1k", "max_payload: 2k", ["max_payload": true]), ("port: 1", "port: 2", ["port": false]),
        ("debug: false", "debug: true\ntrace: true", ["debug": true, "trace": true]), ("server_name: a", "server_name: b", ["server_name": false]),
        ("jetstream {max_mem: 1G}", "jetstream {max_mem: 2G}", ["jetstream": true]),
        ("jetstream {max_mem: 2G}", "jetstream {max_mem: 1G}", ["jetstream": false]),
        ("jetstream {store_dir: a}", "jetstream {store_dir: b}", ["jetstream": false]), ("jetstream: on", "jetstream: off", ["jetstream": false]),
        ("tls {cert_file: a, key_file: b}", "tls {cert_file: c, key_file: b}", ["tls": true]), ("debug: off", "tls {cert_file: c, key_file: b}", ["tls": false]),
        ("no_auth_user: a", "debug: off", ["no_auth_user": true]), ("debug: off", "no_auth_user: a", ["no_auth_user": false]),
        ("authorization {token: a}", "authorization {token: b}", ["authorization": true]),
    ])
    func `some changes a running server takes, others it does not`(_ old: String, _ new: String, _ expected: [String: Bool]) throws {
        let changes = try options(old).changes(to: options(new))
        #expect(Dictionary(uniqueKeysWithValues: changes.map { ($0.name, $0.isReloadable) }) == expected)
    }
}
