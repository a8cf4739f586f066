import DequeModule
import JetStreamAPI
import Model

/// A pull request that is not done yet.
struct WaitingRequest: Sendable {
    var id: UInt64
    var inbox: [UInt8]
    /// Messages it still wants.
    var batch: Int
    var deliveredCount = 0
    /// In nanoseconds; nil for as long as somebody listens.
    var deadline: Int64?
    var noWait: Bool
    /// Bytes it still has room for; nil for no limit.
    var bytesLeft: Int?
    var heartbeat: Int64
    var nextHeartbeat: Int64
}

extension ConsumerMachine {
    /// A client asks for messages. Deliver what there is afterwards, then call ``finishDelivering(now:)``.
    public mutating func request(
        _ request: PullRequest, inbox: [UInt8], now: Timestamp, stream: StreamMachine
    ) {
        lastActivity = now
        if let refusal = refusal(of: request) { return reply(refusal, to: inbox) }
        if waiting.count >= config.maxWaiting { expireRequests(now: now) }
        if waiting.count >= config.maxWaiting {
            // A client that gets heartbeats notices by itself that none come.
            if request.idleHeartbeat == 0 { reply(.exceededMaxWaiting, to: inbox) }
            return
        }
        if request.noWait {
            let available =
                isPaused(now: now)
                ? 0 : pendingMessageCount(in: stream) + UInt64(redeliveries.count)
            if available == 0, request.expires == 0 { return reply(.noMessages, to: inbox) }
            let ahead = waiting.reduce(UInt64(0)) { $0 + UInt64($1.batch) }
            if available > 0, available < ahead { return reply(.requestsPending, to: inbox) }
        }
        nextRequestID += 1
        waiting.append(
            WaitingRequest(
                id: nextRequestID, inbox: inbox, batch: request.batch,
                deadline: request.expires == 0 ? nil : now.advanced(byNanoseconds: request.expires).nanoseconds,
                noWait: request.noWait, bytesLeft: request.maxBytes > 0 ? request.maxBytes : nil,
                heartbeat: request.idleHeartbeat,
                nextHeartbeat: now.advanced(byNanoseconds: request.idleHeartbeat).nanoseconds))
    }

    private func refusal(of request: PullRequest) -> StatusReply? {
        if config.isPush { return .pushBased }
        if config.maxBatch > 0, request.batch > config.maxBatch {
            return .exceededMaxBatch(config.maxBatch)
        }
        if config.maxExpires > 0, request.expires > config.maxExpires {
            return .exceededMaxExpires(config.maxExpires)
        }
        if config.maxBytes > 0, request.maxBytes > config.maxBytes {
            return .exceededMaxBytes(config.maxBytes)
        }
        return nil
    }

    /// Nothing more can be delivered now: requests that do not wait are told so.
    public mutating func finishDelivering(now: Timestamp) {
        guard waiting.contains(where: { $0.noWait }) else { return }
        var left: Deque<WaitingRequest> = []
        for request in waiting {
            if request.noWait, request.deliveredCount > 0 || request.deadline == nil {
                reply(.noMessages, to: request.inbox)
            } else {
                left.append(request)
            }
        }
        waiting = left
    }

    /// The consumer is deleted: whoever waits is told.
    public mutating func close() {
        for request in waiting { reply(.consumerDeleted, to: request.inbox) }
        waiting.removeAll()
    }

    mutating func expireRequests(now: Timestamp) {
        guard !waiting.isEmpty else { return }
        var left: Deque<WaitingRequest> = []
        for var request in waiting {
            if let deadline = request.deadline, deadline <= now.nanoseconds {
                reply(
                    .requestTimeout(
                        pendingMessages: request.batch, pendingBytes: request.bytesLeft ?? 0),
                    to: request.inbox)
                continue
            }
            if request.heartbeat > 0, request.nextHeartbeat <= now.nanoseconds {
                request.nextHeartbeat = now.advanced(byNanoseconds: request.heartbeat).nanoseconds
                reply(heartbeat(stalled: nil), to: request.inbox)
            }
            left.append(request)
        }
        if left.count < waiting.count { lastActivity = now }
        waiting = left
    }

    func heartbeat(stalled: String?) -> StatusReply {
        .idleHeartbeat(
            lastConsumer: delivered.consumer, lastStream: delivered.stream, stalled: stalled)
    }

    mutating func reply(_ status: StatusReply, to inbox: [UInt8]) {
        guard !inbox.isEmpty else { return }
        effects.append(.status(status, to: inbox, reply: []))
    }
}
