public import Broker
import Bytes
public import Catalog
import JetStream
import JetStreamAPI
import Model
import Transport

/// JetStream as NATS clients see it: captures what they publish to streams, answers `$JS.API`, takes acks. On loop 0.
///
/// What a turn captured is decided as one block; its answers wait, together, for the durable mark.
public final class JetStreamService: InternalInbox, CatalogObserver, @unchecked Sendable {
    let broker: Broker
    let nats: NATSService
    /// The name of the server, which leads all streams.
    let serverName: String

    /// The filters whose publishes are captured, with the log they go to or the stream that spreads them over its logs.
    private var captures: [StreamID: [String]] = [:]
    var targets = PublishTargets()
    /// Whose delivery was acked last.
    var lastAcked: LastAcked?
    /// How many API requests came, and how many were answered with an error. On the loop.
    public internal(set) var apiTotal: UInt64 = 0
    public internal(set) var apiErrors: UInt64 = 0
    /// Answers of this block that say something is on disk.
    var durableReplies = ReplyBatch()

    public init(broker: Broker, nats: NATSService) {
        self.broker = broker
        self.nats = nats
        serverName = nats.options.serverName
    }

    /// Begins to capture. After recovery, on the loop or before it runs.
    public func start() {
        nats.addCapture(.api, of: "$JS.API.>")
        nats.addCapture(.acknowledgement, of: "$JS.ACK.>")
        nats.addCapture(.flowControl, of: "$JS.FC.>")
        for stream in broker.catalog.streams.values { capture(stream) }
        broker.catalogObserver = self
    }

    public func received(_ block: CapturedBlock) {
        block.forEach { message in
            switch message.tag {
            case .stream: publish(message)
            case .api: answer(message)
            case .acknowledgement: acknowledge(message)
            case .flowControl: answerFlowControl(message)
            default: break
            }
        }
        guard !durableReplies.isEmpty else { return }
        let replies = durableReplies
        durableReplies = ReplyBatch()
        let routing = nats.routing
        broker.whenDurable { replies.send(by: routing) }
    }

    // MARK: What is captured

    public func catalogChanged(_ record: CatalogRecord) {
        switch record {
        case .streamCreated(let new): if let stream = broker.catalog[new.id] { capture(stream) }
        case .streamUpdated(let id, _, _), .partitionsAdded(let id, _):
            release(id)
            if let stream = broker.catalog[id] { capture(stream) }
        case .streamDeleted(let id): release(id)
        case .topicConfigured, .consumerCreated, .consumerUpdated, .consumerDeleted: break
        }
    }

    private func capture(_ stream: StreamEntry) {
        for subject in stream.subjects { nats.addCapture(.stream, of: subject) }
        captures[stream.id] = stream.subjects
        targets.add(stream, broker)
    }

    private func release(_ id: StreamID) {
        for subject in captures.removeValue(forKey: id) ?? [] {
            nats.removeCapture(.stream, of: subject)
        }
        targets.remove(id)
    }

    // MARK: Answering

    func reply(to inbox: RawSpan, _ body: [UInt8]) {
        guard inbox.byteCount > 0 else { return }
        nats.routing.publish(subject: inbox, reply: nil, headers: nil, payload: body.span.bytes)
    }

    func reply(to inbox: RawSpan, _ status: StatusReply) {
        guard inbox.byteCount > 0 else { return }
        let headers = status.headers
        nats.routing.publish(
            subject: inbox, reply: nil, headers: headers.span.bytes, payload: RawSpan())
    }
}

/// A consumer by the names that stand in its ack subjects.
struct LastAcked {
    var consumer: StreamConsumer
    var stream: [UInt8]
    var name: [UInt8]
}

/// Answers on their way, in one piece of memory.
struct ReplyBatch: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [(inbox: Int, body: Int)] = []

    var isEmpty: Bool { ends.isEmpty }

    mutating func append(to inbox: RawSpan, _ body: (inout [UInt8]) -> Void) {
        guard inbox.byteCount > 0 else { return }
        for index in 0..<inbox.byteCount { bytes.append(inbox[index]) }
        let inboxEnd = bytes.count
        body(&bytes)
        ends.append((inboxEnd, bytes.count))
    }

    mutating func append(to inbox: RawSpan, _ body: [UInt8]) {
        append(to: inbox) { $0.append(contentsOf: body) }
    }

    func send(by routing: NATSRouter) {
        let all = bytes.span.bytes
        var start = 0
        for end in ends {
            routing.publish(
                subject: all.extracting(start..<end.inbox), reply: nil, headers: nil,
                payload: all.extracting(end.inbox..<end.body))
            start = end.body
        }
    }
}
