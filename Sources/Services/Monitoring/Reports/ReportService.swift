public import Broker
public import KafkaService
public import NATSService
import Platform
import Synchronization
import Transport

/// Makes all reports about the server: for the HTTP port and for the system account.
///
/// State is looked at on the loops that own it, each asked once and never for long; sorting and
/// writing happen on a thread of its own, which begins with the first request.
public final class ReportService: ServerReporting {
    let nats: NATSService
    let broker: Broker?
    let jetStream: JetStreamService?
    let kafka: KafkaService?
    let home: EventLoop
    private let currentFacts: Mutex<ServerFacts>
    private let worker = ReportWorker()
    let processor = ProcessorLoad()
    let requests = RequestCounts()

    /// - Parameter home: loop 0, where broker, JetStream and Kafka live.
    public init(
        nats: NATSService, broker: Broker?, jetStream: JetStreamService?, kafka: KafkaService?,
        home: EventLoop, facts: ServerFacts
    ) {
        self.nats = nats
        self.broker = broker
        self.jetStream = jetStream
        self.kafka = kafka
        self.home = home
        currentFacts = Mutex(facts)
    }

    /// What does not change by itself; a reload sets it anew. Any thread.
    public var facts: ServerFacts {
        get { currentFacts.withLock { $0 } }
        set { currentFacts.withLock { $0 = newValue } }
    }

    public func report(
        _ name: String, options: [UInt8],
        _ answer: @escaping @Sendable (Result<[UInt8], ServerReportRefusal>) -> Void
    ) {
        let request: ReportRequest
        do throws(ServerReportRefusal) {
            request = try ReportRequest(name, ReportFields(json: options))
        } catch {
            return answer(.failure(error))
        }
        make(request) { answer($0.result) }
    }

    /// The report, from any thread.
    func make(_ request: ReportRequest, _ answer: @escaping @Sendable (Report) -> Void) {
        switch request {
        case .variables: makeVariables(answer)
        case .connections(let options): makeConnections(options, answer)
        case .subscriptions(let options): makeSubscriptions(options, answer)
        case .accounts(let name): makeAccounts(name, answer)
        case .accountStatistics(let unused, let names):
            makeAccountStatistics(unused: unused, names, answer)
        case .jetStream(let options): makeJetStream(options, answer)
        case .health(let options): makeHealth(options, answer)
        case .routes, .leafNodes, .gateways: onWorker(answer) { [self] in peers(request) }
        case .queues: answer(Report(body: Array("{}".utf8)))
        case .raftGroups(let isSystemRequest):
            answer(
                isSystemRequest
                    ? Report(body: Array("{}".utf8))
                    : Report(status: 404, refusal: "No Raft nodes registered"))
        }
    }

    /// Writes a report on the worker's thread.
    func onWorker(
        _ answer: @escaping @Sendable (Report) -> Void, _ write: @escaping @Sendable () -> Report
    ) {
        worker.run { answer(write()) }
    }
}

/// A finished report, or why there is none.
struct Report: Sendable {
    var status = 200
    /// Compact JSON.
    var body: [UInt8] = []
    /// In place of a body.
    var refusal: String?
    /// nats-server lays all out for people but this one.
    var isIndented = true

    var result: Result<[UInt8], ServerReportRefusal> {
        if let refusal { return .failure(ServerReportRefusal(status: status, text: refusal)) }
        return .success(body)
    }
}

/// The thread that writes reports. It begins when first needed and lasts as long as the process.
final class ReportWorker: Sendable {
    private let state = State()

    private final class State: @unchecked Sendable {
        let monitor = Monitor()
        /// Both behind the monitor.
        var work: [@Sendable () -> Void] = []
        var isRunning = false

        func loop() {
            while true {
                let taken = monitor.withLock {
                    while work.isEmpty { monitor.wait() }
                    let taken = work
                    work = []
                    return taken
                }
                for work in taken { work() }
            }
        }
    }

    func run(_ work: @escaping @Sendable () -> Void) {
        let begins = state.monitor.withLock {
            state.work.append(work)
            state.monitor.wakeAll()
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard begins else { return }
        _ = Thread(name: "reports") { [state] in state.loop() }
    }
}

/// How many requests each report had, as `/varz` shows it.
final class RequestCounts: Sendable {
    private let counts = Mutex<[String: UInt64]>([:])

    func count(_ path: String) { counts.withLock { $0[path, default: 0] += 1 } }

    var all: [(path: String, count: UInt64)] {
        counts.withLock { $0.sorted { $0.key < $1.key }.map { (path: $0.key, count: $0.value) } }
    }
}

/// How busy the process was between two looks at it.
final class ProcessorLoad: Sendable {
    private struct State {
        var at: Int64
        var used: Int64
        var percent = 0.0
    }

    private static let shortestNanoseconds: Int64 = 500_000_000
    private let state: Mutex<State>

    init() {
        state = Mutex(
            State(
                at: Clock.monotonicNanoseconds(), used: ProcessUsage.now().processorNanoseconds))
    }

    /// In percent of one core, with one decimal, since the look before; looks in quick succession
    /// get the same.
    func percent(_ usage: ProcessUsage) -> Double {
        let now = Clock.monotonicNanoseconds()
        return state.withLock { state in
            guard now - state.at >= Self.shortestNanoseconds else { return state.percent }
            let share = Double(usage.processorNanoseconds - state.used) / Double(now - state.at)
            state = State(
                at: now, used: usage.processorNanoseconds,
                percent: (max(0, share) * 1000).rounded() / 10)
            return state.percent
        }
    }
}
