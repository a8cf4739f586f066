import JetStream
import JetStreamAPI
import Model

/// The same numbers for the same seed, on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

func seconds(_ count: Double) -> Timestamp { Timestamp(nanoseconds: Int64(count * 1e9)) }

/// A stream with the publishing of a broker around it, told in text.
struct StreamStory {
    var machine: StreamMachine
    var now = seconds(0)

    init(
        _ name: String = "S", subjects: [String] = ["s.>"],
        _ change: (inout StreamConfig) -> Void = { _ in }
    ) {
        var config = StreamConfig(name: name, subjects: subjects)
        change(&config)
        machine = StreamMachine(config: config, created: now)
    }

    /// `stored 3`, `duplicate 1` or `10071 wrong last sequence: 2`.
    @discardableResult
    mutating func publish(
        _ subject: String, _ headers: [(String, String)] = [], payload: Int = 1
    ) -> String {
        let block = headerBlock(headers)
        let bytes = Array(subject.utf8)
        let decision = machine.decidePublish(
            subject: bytes.span.bytes, headers: block.span.bytes, payloadByteCount: payload,
            now: now)
        switch decision {
        case .refused(let error): return "\(error.errorCode) \(error.description)"
        case .duplicate(let sequence): return "duplicate \(sequence.value)"
        case .store(let plan):
            machine.applyStored(
                subject: bytes.span.bytes, size: plan.size, messageID: plan.messageID,
                timeToLive: plan.timeToLive, time: now)
            if let rollup = plan.rollup { machine.apply(rollup) }
            return "stored \(plan.sequence.value)"
        }
    }

    mutating func delete(_ sequence: UInt64) -> String {
        do {
            machine.apply(try machine.decideDelete(StreamSequence(sequence)))
            return "deleted \(sequence)"
        } catch { return "\(error.errorCode) \(error.description)" }
    }

    mutating func purge(_ json: String = "") -> String {
        let bytes = Array(json.utf8)
        do {
            return
                "purged \(machine.apply(try machine.decidePurge(try PurgeRequest(bytes.span.bytes))))"
        } catch { return "\(error.errorCode) \(error.description)" }
    }

    /// `3 messages 4...7, gaps [5]`
    var summary: String {
        let state = machine.state
        let gaps = machine.deleted(limit: 100)
        return "\(state.messages) messages \(state.firstSequence)...\(state.lastSequence)"
            + (gaps.isEmpty ? "" : ", gaps \(gaps)")
    }
}

func headerBlock(_ headers: [(String, String)]) -> [UInt8] {
    guard !headers.isEmpty else { return [] }
    return Array(("NATS/1.0\r\n" + headers.map { "\($0): \($1)\r\n" }.joined() + "\r\n").utf8)
}
