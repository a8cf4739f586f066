import JetStream
import JetStreamAPI
import Model
import Testing

/// A stream and one consumer of it, told in text, with a second consumer that only hears what the log keeps.
struct ConsumerStory {
    var stream = StreamStory("P", subjects: ["p.>"])
    var consumer: ConsumerMachine
    /// Rebuilt from records alone; it has to be where the real one is.
    private var replayed: ConsumerMachine
    private var inboxes = 0

    var now: Timestamp {
        get { stream.now }
        set { stream.now = newValue }
    }

    init(stream: StreamStory = StreamStory("P", subjects: ["p.>"]), _ json: String) throws {
        self.stream = stream
        let bytes = Array(#"{"stream_name":"P","config":\#(json)}"#.utf8)
        let config = try CreateConsumerRequest(bytes.span.bytes)
            .validated(subject: .named("x", filter: nil), stream: stream.machine.config)
        consumer = ConsumerMachine(
            name: "x", config: config, created: stream.now, stream: stream.machine)
        replayed = consumer
    }

    /// What a pull request gets at once, one line a message or status.
    mutating func pull(_ body: String = "", upTo: UInt64 = .max) throws -> [String] {
        inboxes += 1
        let bytes = Array(body.utf8)
        consumer.request(
            try PullRequest(bytes.span.bytes), inbox: Array("_I.\(inboxes)".utf8), now: now,
            stream: stream.machine)
        return try deliver(upTo: upTo)
    }

    /// `3 #2 x1 left 7` for stream sequence 3, consumer sequence 2, first delivery, 7 to come.
    mutating func deliver(upTo: UInt64 = .max) throws -> [String] {
        var lines: [String] = []
        while let next = consumer.nextDelivery(
            now: now, readableUpTo: StreamSequence(upTo), stream: stream.machine)
        {
            #expect(stream.machine.contains(next.sequence))
            lines.append(
                "\(next.sequence.value) #\(next.consumerSequence) x\(next.deliveries) left \(next.pending)"
            )
            consumer.sent(next, now: now)
            lines += effects()
        }
        consumer.finishDelivering(now: now)
        lines += effects()
        try replay()
        return lines
    }

    mutating func ack(_ sequence: UInt64, _ body: String = "") throws -> [String] {
        let bytes = Array(body.utf8)
        guard let message = AckMessage(bytes.span.bytes) else { return ["?"] }
        consumer.acknowledge(StreamSequence(sequence), message, now: now)
        let lines = effects()
        try replay()
        return lines
    }

    /// The clock goes on and what falls due happens.
    mutating func wait(_ time: Double) throws -> [String] {
        now = now.advanced(byNanoseconds: Int64(time * 1e9))
        consumer.expire(now: now)
        let lines = effects()
        try replay()
        return lines
    }

    mutating func effects() -> [String] {
        consumer.takeSettled().map { "settled \($0)" }
            + consumer.takeEffects().map { effect in
            switch effect {
            case .status(let status, let inbox, let reply):
                let block = String(decoding: status.headers, as: UTF8.self)
                let text = block.split(separator: "\r\n").map(String.init)
                return String(decoding: inbox, as: UTF8.self) + " "
                    + text[0].dropFirst("NATS/1.0 ".count)
                    + text.dropFirst().map { " " + $0.drop { $0 != ":" }.dropFirst(2) }.joined()
                    + (reply.isEmpty ? "" : " reply \(String(decoding: reply, as: UTF8.self))")
            case .maxDeliveries(let sequence, let deliveries):
                return "max deliveries \(sequence.value) x\(deliveries)"
            case .terminated(let sequence, _, _, let reason):
                return "terminated \(sequence.value) \(reason)"
            case .refused(let sequence, _, let deliveries):
                return "refused \(sequence.value) x\(deliveries)"
            }
        }
    }

    /// `delivered 4/4 floor 1/1 acks 3 again 0 waiting 0 left 6`
    var summary: String {
        mutating get {
            let info = consumer.info(stream: stream.machine, now: now)
            return "delivered \(info.delivered.consumer)/\(info.delivered.stream)"
                + " floor \(info.ackFloor.consumer)/\(info.ackFloor.stream)"
                + " acks \(info.ackPendingCount) again \(info.redeliveredCount)"
                + " waiting \(info.waitingCount) left \(info.pendingCount)"
        }
    }

    /// Whether there is no room in the log, so that records are lost.
    var isLogFull = false

    /// A snapshot is taken, from which replay begins.
    mutating func takeSnapshot() throws {
        replayed = try ConsumerMachine(
            name: consumer.name, config: consumer.config, created: consumer.created, stream: stream.machine,
            snapshot: consumer.snapshotBytes.span.bytes)
    }

    /// There is room in the log again, and what it lacks is written first.
    mutating func makeRoom() throws {
        isLogFull = false
        try replay()
    }

    /// A restart: everything that no record holds is lost.
    mutating func crash() {
        consumer = replayed
        consumer.recovered(now: now)
    }

    private mutating func replay() throws {
        if isLogFull {
            if consumer.takeRecord() != nil { consumer.recordWasLost() }
            return
        }
        if let record = consumer.takeRecord() { try replayed.apply(record: record.span.bytes) }
        _ = replayed.takeSettled()
        #expect(!consumer.isAheadOfLog)
        var one = consumer.info(stream: stream.machine, now: now)
        let two = replayed.info(stream: stream.machine, now: now)
        one.waitingCount = 0
        one.isPushBound = false
        #expect(one == two, "what the log keeps is not what happened")
    }
}

func ten() -> StreamStory {
    var stream = StreamStory("P", subjects: ["p.>"])
    for index in 0..<10 {
        stream.publish("p.\(index % 3)", index % 2 == 1 ? [("H", "\(index)")] : [], payload: 2)
    }
    return stream
}
