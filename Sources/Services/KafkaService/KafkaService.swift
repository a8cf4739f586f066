import Broker
import Bytes
import KafkaCoordination
import KafkaProtocol
import Model
import Platform
import Transport

/// The Kafka side of the broker: sessions and one handler for each API.
///
/// Everything of it lives on loop 0 beside the ``Broker``, its connections too.
public final class KafkaService: @unchecked Sendable {
    public let options: KafkaServiceOptions
    let broker: Broker
    let loop: EventLoop
    /// The newest answers that wait, of each kind.
    private var answersOnDevice: DurableAnswers?
    private var answersInFile: DurableAnswers?
    private var answersInMemory: DurableAnswers?
    /// JoinGroup and SyncGroup requests that the coordinator keeps.
    private var parkedExchanges: [GroupReplyToken: Exchange] = [:]
    private var lastToken: UInt64 = 0
    var counters = KafkaCounters()
    private var groupTimer: (deadline: Int64, id: TimerID)?

    public init(broker: Broker, options: KafkaServiceOptions) {
        self.broker = broker
        self.options = options
        loop = broker.loop
    }

    /// On the loop, once.
    public func start() {
        loop.preconditionOnLoop()
        tickGroups()
    }

    /// Takes a connection in, on the loop.
    public func accept(_ accepted: AcceptedSocket) {
        let local = accepted.socket.localAddress
        loop.adopt(accepted) { [self] connection in
            KafkaSession(
                connection, on: self,
                host: options.advertisedHost ?? local.host,
                port: options.advertisedPort ?? local.port)
        }
    }

    /// What clients have asked for. On the loop.
    public var statistics: KafkaServiceStatistics { counters.statistics }

    // MARK: Answers that wait for the disk

    /// Sends `frame` once what was decided so far has got as far as `assurance` says.
    func sendWhenDurable(_ assurance: Assurance, _ frame: [UInt8], of exchange: Exchange) {
        switch assurance {
        case .device: add(frame, of: exchange, to: &answersOnDevice, assurance)
        case .file: add(frame, of: exchange, to: &answersInFile, assurance)
        case .memory: add(frame, of: exchange, to: &answersInMemory, assurance)
        }
    }

    private func add(
        _ frame: [UInt8], of exchange: Exchange, to newest: inout DurableAnswers?, _ assurance: Assurance
    ) {
        if let answers = newest, answers.turn == loop.turn {
            answers.append(frame, of: exchange)
            if assurance == .device { broker.addWaitingClient() }
            return
        }
        let answers = DurableAnswers(turn: loop.turn)
        answers.append(frame, of: exchange)
        newest = answers
        broker.whenDurable(assurance, clientCount: 1) { answers.send() }
    }

    // MARK: Groups

    /// Lets the group coordinator decide and sends what it answers to parked requests.
    ///
    /// - Returns: the answer, or nil where its records could not be stored.
    func coordinate<Answer>(
        _ decide: (inout GroupCoordinator, GroupTime) -> (Answer, GroupDecision)
    ) -> Answer? {
        let (answer, effects, failure) = broker.coordinate(decide)
        carryOut(effects)
        scheduleGroupTimer()
        return failure == nil ? answer : nil
    }

    /// Names `exchange` until the coordinator answers it.
    func park(_ exchange: Exchange) -> GroupReplyToken {
        lastToken += 1
        let token = GroupReplyToken(lastToken)
        parkedExchanges[token] = exchange
        return token
    }

    private func carryOut(_ effects: [GroupEffect]) {
        for effect in effects {
            switch effect {
            case .joined(let token, let answer):
                guard let exchange = parkedExchanges.removeValue(forKey: token) else { continue }
                exchange.answer(JoinGroupResponse(answer))
            case .synced(let token, let answer):
                guard let exchange = parkedExchanges.removeValue(forKey: token) else { continue }
                exchange.answer(SyncGroupResponse(answer))
            }
        }
    }

    private func tickGroups() {
        groupTimer = nil
        _ = coordinate { groups, now in ((), groups.tick(now: now)) }
    }

    private func scheduleGroupTimer() {
        guard let deadline = broker.groups.nextDeadline else { return }
        if let timer = groupTimer {
            if timer.deadline <= deadline { return }
            loop.cancel(timer.id)
        }
        let delay = max(0, deadline - loop.monotonicNanoseconds)
        let id = loop.schedule(afterNanoseconds: delay) { [unowned self] in tickGroups() }
        groupTimer = (deadline, id)
    }
}

/// The answers of one turn that wait for the disk: one entry in the broker's queue for all of them.
private final class DurableAnswers {
    let turn: UInt64
    private var frames: [(exchange: Exchange, frame: [UInt8])] = []

    init(turn: UInt64) { self.turn = turn }

    func append(_ frame: [UInt8], of exchange: Exchange) { frames.append((exchange, frame)) }

    func send() {
        for (exchange, frame) in frames { exchange.session.fill(exchange.slot, with: Answer(frame)) }
        frames = []
    }
}
