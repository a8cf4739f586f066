import Accounts
import ServerConfig
import Testing

/// What may be published and subscribed to. Expected values as nats-server 2.15.1 answers, but where
/// a comment says otherwise.
@Suite struct PermissionTests {
    private func compile(
        publish: SubjectPermission? = nil, subscribe: SubjectPermission? = nil,
        responses: ResponsePermission? = nil
    ) throws -> CompiledPermissions {
        var options = PermissionsOptions()
        options.publish = publish
        options.subscribe = subscribe
        options.responses = responses
        return try CompiledPermissions(options)
    }

    @Test(arguments: [
        ("foo.a", true), ("foo.a.b", false), ("foo", false), ("bar.x.y", true), ("bar", false),
        ("bar.secret", false), ("bar.secret.x", true), ("other", false), ("foo..a", false), ("", false),
    ])
    func `a publish is allowed by some rule and denied by none`(subject: String, expected: Bool)
        throws
    {
        let permissions = try compile(
            publish: SubjectPermission(allow: ["foo.*", "bar.>"], deny: ["bar.secret"]))
        #expect(permissions.limitsPublishing)
        #expect(permissions.mayPublish(subject) == expected)
    }

    @Test func `without a list that allows, everything is allowed that is not denied`() throws {
        let permissions = try compile(publish: SubjectPermission(deny: ["a.>"]))
        #expect(permissions.mayPublish("b"))
        #expect(!permissions.mayPublish("a.b"))
        #expect(try !compile(subscribe: SubjectPermission(deny: ["x"])).limitsPublishing)
    }

    @Test func `who may answer may publish nothing else, unless it is said`() throws {
        let answers = try compile(responses: ResponsePermission())
        #expect(answers.limitsPublishing)
        #expect(!answers.mayPublish("x"))
        let more = try compile(
            publish: SubjectPermission(allow: ["x"]), responses: ResponsePermission())
        #expect(more.mayPublish("x"))
    }

    typealias Verdict = CompiledPermissions.SubscribeVerdict

    @Test(arguments: [
        ("foo.a", "", Verdict.allowed), ("foo.*", "", .filtered), ("foo.secret", "", .refused),
        ("foo.*.b", "", .refused), ("*", "", .refused), (">", "", .refused),
        // nats-server takes the wildcard's letter for a token here, and lets it in.
        ("foo.>", "", .refused),
        ("q.x", "", .refused), ("q.x", "v1", .allowed), ("q.x", "v2", .refused),
        ("p", "", .allowed), ("p", "v1", .allowed), ("p", "v2", .refused),
        ("w", "dev.1", .allowed), ("w", "dev", .refused), ("w", "dev.*", .allowed),
        ("plain", "any", .allowed),
    ])
    func `a subscription needs a rule that is as wide as it is`(
        filter: String, queue: String, expected: Verdict
    ) throws {
        let permissions = try compile(
            subscribe: SubjectPermission(
                allow: ["foo.*", "q.> v1", "p", "p v1", "w dev.*", "plain"], deny: ["foo.secret"]))
        #expect(
            permissions.maySubscribe(to: filter, queue: queue) == expected)
    }

    @Test(arguments: [
        ("bar.x", "", Verdict.refused), ("bar.*", "", .refused), (">", "", .filtered),
        ("*.x", "", .filtered), ("other.*", "", .allowed), ("*", "", .allowed),
        ("jobs", "", .allowed), ("jobs", "a", .allowed), ("jobs", "b", .refused),
    ])
    func `a wildcard that meets what is denied is let in, and filtered`(
        filter: String, queue: String, expected: Verdict
    ) throws {
        let permissions = try compile(
            subscribe: SubjectPermission(deny: ["bar.*", "jobs b"]))
        #expect(
            permissions.maySubscribe(to: filter, queue: queue) == expected)
        #expect(!permissions.mayReceive("bar.x"))
        #expect(permissions.mayReceive("bar.x.y"))
        #expect(permissions.mayReceive("jobs"))
    }

    @Test(arguments: ["", "a..b", "a.>.b", "a b c", ".", " "])
    func `an entry that is no subject is an error`(entry: String) {
        #expect(throws: InvalidPermission.self) {
            try compile(subscribe: SubjectPermission(allow: [entry]))
        }
        #expect(throws: InvalidPermission.self) {
            try compile(publish: SubjectPermission(deny: [entry]))
        }
    }

    @Test func `only subscriptions have queues`() {
        #expect(throws: InvalidPermission.self) {
            try compile(publish: SubjectPermission(allow: ["a queue"]))
        }
    }

    @Test func `no two have the same id`() throws {
        let ids = try (0..<10).map { _ in try compile().id }
        #expect(Set(ids).count == 10)
        #expect(!ids.contains(0))
    }
}

@Suite struct ResponsePermitTests {
    private let reply = "_INBOX.1"

    private func permits(maximum: Int = 1, expires: Int64 = 100) -> ResponsePermits {
        var permission = ResponsePermission()
        permission.maximumMessages = maximum
        permission.expiresNanoseconds = expires
        return ResponsePermits(permission)
    }

    @Test func `an answer may be given as often as it is said, and to nobody else`() {
        let permits = permits(maximum: 2)
        permits.give(reply, now: 0)
        #expect(!permits.use("_INBOX.2", now: 1))
        #expect(permits.use(reply, now: 1))
        #expect(permits.use(reply, now: 1))
        #expect(!permits.use(reply, now: 1))
        #expect(permits.count == 0)
    }

    @Test func `a permit ends, unless it never does`() {
        let short = permits()
        short.give(reply, now: 0)
        #expect(!short.use(reply, now: 101))
        let forever = permits(maximum: -1, expires: -1)
        forever.give(reply, now: 0)
        for _ in 0..<100 { #expect(forever.use(reply, now: .max)) }
    }

    @Test func `another request renews it`() {
        let permits = permits()
        permits.give(reply, now: 0)
        #expect(permits.use(reply, now: 1))
        permits.give(reply, now: 90)
        #expect(permits.use(reply, now: 180))
    }

    @Test func `memory is bounded, and the newest stay`() {
        let permits = permits(expires: -1)
        let count = ResponsePermits.limit + 100
        for index in 0..<count { permits.give("r.\(index)", now: 0) }
        #expect(permits.count == ResponsePermits.limit)
        #expect(!permits.use("r.99", now: 0))
        #expect(permits.use("r.100", now: 0))
        #expect(permits.use("r.\(count - 1)", now: 0))
    }

    @Test func `what has ended is forgotten by itself`() {
        let permits = permits(expires: 10)
        for index in 0..<10_000 {
            permits.give("r.\(index)", now: Int64(index))
        }
        #expect(permits.count <= 12)
    }
}

// Spans cannot go through #expect.
extension CompiledPermissions {
    fileprivate func mayPublish(_ subject: String) -> Bool {
        mayPublish(Array(subject.utf8).span.bytes)
    }

    fileprivate func mayReceive(_ subject: String) -> Bool {
        mayReceive(Array(subject.utf8).span.bytes)
    }

    fileprivate func maySubscribe(to filter: String, queue: String) -> SubscribeVerdict {
        maySubscribe(to: Array(filter.utf8).span.bytes, queue: queue)
    }
}

extension ResponsePermits {
    fileprivate func give(_ reply: String, now: Int64) {
        give(Array(reply.utf8).span.bytes, now: now)
    }

    fileprivate func use(_ reply: String, now: Int64) -> Bool {
        use(Array(reply.utf8).span.bytes, now: now)
    }
}
