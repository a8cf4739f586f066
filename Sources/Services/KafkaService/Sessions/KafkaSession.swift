import Broker
import Bytes
import KafkaProtocol
import Model
import Transport

/// One Kafka connection: splits frames, hands each request to its handler, and sends the answers in order.
///
/// Pipelined requests are all begun at once; an answer that is not ready holds back those behind it. What is in
/// flight is bounded: beyond ``KafkaServiceOptions/requestsInFlightLimit`` nothing more is read.
final class KafkaSession: ConnectionHandler {
    let service: KafkaService
    let connection: Connection
    /// Where this client is told that the broker is.
    let host: String
    let port: Int

    private var responses = ResponseQueue()
    /// Fetches that wait for records.
    private var parkedFetches: [UInt64: ParkedFetch] = [:]
    private var isPaused = false
    private var isWatching = false
    private var idleTimer: TimerID?
    private var isClosed = false

    init(_ connection: Connection, on service: KafkaService, host: String, port: Int) {
        self.connection = connection
        self.service = service
        self.host = host
        self.port = port
        service.counters.connectionCount += 1
        service.counters.totalConnections += 1
        closeWhenIdle()
    }

    // MARK: Requests

    func received(_ bytes: RawSpan, on connection: Connection) -> Int {
        var consumed = 0
        while !isClosed {
            if isSaturated {
                pause()
                break
            }
            do throws(MalformedBytes) {
                let rest = bytes.extracting(consumed..<bytes.byteCount)
                let frame = try KafkaFrame.first(
                    in: rest, maximumByteCount: service.options.requestByteLimit)
                guard let frame else { break }
                consumed += KafkaFrame.byteCount(of: frame)
                try begin(frame)
            } catch {
                // The place in the stream is lost, or the request cannot be read: as Kafka does, hang up.
                close()
            }
        }
        return isClosed ? bytes.byteCount : consumed
    }

    private func begin(_ frame: RawSpan) throws(MalformedBytes) {
        var reader = ByteReader(frame)
        let header = try RequestHeader(decoding: &reader)
        guard let api = header.knownAPI, api.isServed else {
            guard header.apiKey == APIKey.apiVersions.rawValue else { return close() }
            let exchange = Exchange(self, responses.open(requestByteCount: frame.byteCount), .apiVersions, header)
            return ApiVersionsHandler.refuse(exchange)
        }
        service.counters.count(api, byteCount: frame.byteCount)
        let exchange = Exchange(self, responses.open(requestByteCount: frame.byteCount), api, header)
        try exchange.dispatch(&reader, frame: frame)
    }

    func closed(_ connection: Connection) {
        isClosed = true
        service.counters.connectionCount -= 1
        for fetch in parkedFetches.values { fetch.cancel() }
        parkedFetches = [:]
        if let idleTimer { service.loop.cancel(idleTimer) }
    }

    /// Hangs up; answers that are ready are still sent.
    func close() {
        isClosed = true
        connection.close(afterFlush: true)
    }

    // MARK: Answers

    /// The answer for `slot` is ready.
    func fill(_ slot: UInt64, with answer: Answer) {
        guard !isClosed else { return }
        responses.fill(slot, with: answer)
        while let next = responses.next() { send(next) }
        guard isPaused else { return }
        if isSaturated { watch() } else { resume() }
    }

    /// Whether the answer for `slot` may have parts in files: only where it does not have to wait for others, holding
    /// files open meanwhile.
    func sendsFiles(in slot: UInt64) -> Bool { responses.isNext(slot) && connection.sendsFiles }

    private func send(_ answer: Answer) {
        if !answer.frame.isEmpty { connection.write(answer.frame) }
        for part in answer.parts {
            switch part {
            case .bytes(let bytes): connection.write(bytes)
            case .file(let region): connection.write(region)
            }
        }
    }

    func park(_ fetch: ParkedFetch, in slot: UInt64) { parkedFetches[slot] = fetch }
    func unpark(_ slot: UInt64) { parkedFetches[slot] = nil }

    // MARK: Bounds

    private var isSaturated: Bool {
        responses.count >= service.options.requestsInFlightLimit
            || responses.requestByteCount >= service.options.requestBytesInFlightLimit
            || responses.heldByteCount >= service.options.heldAnswerByteLimit
            || mustWait
    }

    /// For a slow reader, or for the disk: nobody says when these have caught up.
    private var mustWait: Bool {
        connection.pendingByteCount >= service.options.pendingOutputByteLimit
            || service.broker.undurableByteCount >= service.options.undurableByteLimit
    }

    private func pause() {
        isPaused = true
        connection.pauseReading()
        watch()
    }

    /// Looks again in a while, where no answer will say that it is time to go on.
    private func watch() {
        guard mustWait, !isWatching else { return }
        isWatching = true
        service.loop.schedule(afterNanoseconds: 5_000_000) { [weak self] in
            guard let self else { return }
            isWatching = false
            guard isPaused, !isClosed else { return }
            if isSaturated { watch() } else { resume() }
        }
    }

    private func resume() {
        isPaused = false
        connection.resumeReading()
    }

    private func closeWhenIdle() {
        let limit = service.options.idleMilliseconds * 1_000_000
        let idle = service.loop.monotonicNanoseconds - connection.lastReceivedNanoseconds
        if idle >= limit, responses.count == 0 { return close() }
        idleTimer = service.loop.schedule(
            afterNanoseconds: max(limit - idle, 100_000_000)
        ) { [weak self] in
            guard let self, !isClosed else { return }
            closeWhenIdle()
        }
    }
}
