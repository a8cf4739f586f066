import Bytes
public import JSON
import JetStreamAPI
import Model
import Platform
import Synchronization
import Transport

/// The server as the system account sees it: services that tell and change what it does, and events.
///
/// Answers are `{server: {…}, data: … | error: {code, description}}`. What they tell comes from the
/// same reports as the monitoring port's (``ServerReporting``).
///
/// Source: nats-server 2.15, `events.go`; NATS documentation, "System Events".
final class SystemService: Sendable {
    unowned let nats: NATSService
    let account: AccountRouting
    /// How an operator's reload is asked for; see ``NATSService/onReload``.
    let home: EventLoop
    private let sequence = Atomic<UInt64>(0)
    private let underWay = Atomic<Int>(0)
    let worker = SystemWorker()

    /// So many requests may wait for their reports.
    private static let limit = 256

    init(_ nats: NATSService) {
        self.nats = nats
        home = nats.loops[0]
        account = nats.accounts.account(named: nats.options.systemAccount)
    }

    /// Begins to answer and to tell. Before clients come.
    func start() {
        addServerServices()
        addAccountServices()
        addClaimServices()
        nats.accounts.forEach { [self] in addServices(to: $0) }
        home.post { [self] in beat(0) }
    }

    /// Lets the server answer requests on `filter` in an account.
    func serve(
        _ filter: String, in account: AccountRouting,
        _ handle: @escaping @Sendable (SystemRequest) -> Bool
    ) {
        account.index.add(.handler(RequestHandler(handle)), for: Array(filter.utf8))
    }

    // MARK: Answering

    /// Any thread.
    func answer(_ request: SystemRequest, _ body: [UInt8]) {
        guard !request.reply.isEmpty else { return }
        home.post { [self] in
            nats.routing(for: request.account).publish(
                subject: request.reply.span.bytes, reply: nil, headers: nil,
                payload: body.span.bytes)
        }
    }

    func answer(_ request: SystemRequest, data: [UInt8]) {
        answer(request, enveloped([("data", data)]))
    }

    func answer(_ request: SystemRequest, code: Int, _ description: String, withNull: Bool = false) {
        var json = JSONWriter()
        json.beginObject()
        json.field("code", code)
        json.field("description", description)
        json.endObject()
        let data = withNull ? [("data", Array("null".utf8))] : []
        answer(request, enveloped(data + [("error", json.bytes)]))
    }

    /// It was done.
    func answerDone(_ request: SystemRequest) { answer(request, enveloped([])) }

    func enveloped(_ members: [(String, [UInt8])]) -> [UInt8] {
        var bytes = Array("{\"server\":".utf8) + server
        for (name, value) in members { bytes += Array(",\"\(name)\":".utf8) + value }
        return bytes + [UInt8(ascii: "}")]
    }

    /// Which server this is, with a number and a time of its own each time.
    var server: [UInt8] {
        let options = nats.options
        var json = JSONWriter()
        json.beginObject()
        json.field("name", options.serverName)
        json.field("host", options.host)
        json.field("id", options.serverID)
        if options.jetStream, !options.domain.isEmpty { json.field("domain", options.domain) }
        json.field("ver", options.version)
        if !options.tags.isEmpty { json.field("tags", .array(options.tags.map(JSONValue.string))) }
        if !options.metadata.isEmpty { json.field("metadata", options.metadata.jsonObject) }
        json.field("jetstream", options.jetStream)
        json.field("flags", options.jetStream ? 1 : 0)
        json.field("seq", sequence.add(1, ordering: .relaxed).newValue)
        json.field("time", Clock.now().rfc3339)
        json.endObject()
        return json.bytes
    }

    // MARK: Reports

    /// Asks for a report and answers with what `body` makes of it.
    func report(
        _ request: SystemRequest, _ name: String, options: [UInt8],
        _ body: @escaping @Sendable (Result<[UInt8], ServerReportRefusal>) -> Void
    ) {
        guard let reports = nats.reports else {
            return answer(request, code: 503, "this server makes no reports")
        }
        guard underWay.add(1, ordering: .relaxed).newValue <= Self.limit else {
            underWay.subtract(1, ordering: .relaxed)
            return answer(request, code: 503, "too many requests are under way")
        }
        reports.report(name, options: options) { [self] result in
            underWay.subtract(1, ordering: .relaxed)
            body(result)
        }
    }

    /// The same, where the report itself is the answer.
    func reportData(_ request: SystemRequest, _ name: String, options: [UInt8]) {
        report(request, name, options: options) { [self] result in
            switch result {
            case .success(let data): answer(request, data: data)
            case .failure(let refusal): answer(request, refusal)
            }
        }
    }

    /// What cannot be read is a bad request; what makes no sense is an error of the report.
    func answer(_ request: SystemRequest, _ refusal: ServerReportRefusal) {
        if refusal.isMalformed {
            answer(request, code: refusal.status, refusal.text)
        } else {
            answer(request, code: 500, refusal.text, withNull: true)
        }
    }

    static func uniqueText() -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        return String(
            decoding: (0..<22).map { _ in alphabet[Int.random(in: 0..<62)] }, as: UTF8.self)
    }
}

/// A thread for requests that wait for the disk. It begins with the first.
final class SystemWorker: @unchecked Sendable {
    private static let limit = 1024

    private let monitor = Monitor()
    // Behind the monitor.
    private var work: [@Sendable () -> Void] = []
    private var isRunning = false

    /// - Returns: false where too much waits already.
    func run(_ new: @escaping @Sendable () -> Void) -> Bool {
        let (isTaken, begins) = monitor.withLock {
            guard work.count < Self.limit else { return (false, false) }
            work.append(new)
            monitor.wakeAll()
            defer { isRunning = true }
            return (true, !isRunning)
        }
        if begins { _ = Thread(name: "system") { [self] in loop() } }
        return isTaken
    }

    private func loop() {
        while true {
            let taken = monitor.withLock {
                while work.isEmpty { monitor.wait() }
                defer { work = [] }
                return work
            }
            for work in taken { work() }
        }
    }
}

extension [String: String] {
    /// With its members in alphabetical order, as Go writes a map.
    public var jsonObject: JSONValue {
        .object(sorted { $0.key < $1.key }.map { JSONMember(name: $0.key, value: .string($0.value)) })
    }
}
