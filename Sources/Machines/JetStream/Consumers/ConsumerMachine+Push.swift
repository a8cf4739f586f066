import JetStreamAPI
import Model

/// The sending side of a push consumer: whether somebody listens, and how much is on its way.
struct PushState: Sendable {
    static let largestWindow = 32 << 20
    static let firstWindow = largestWindow / 16

    var isBound = false
    var nextHeartbeat: Int64 = 0
    /// Bytes sent and not answered for, and how many may be; only with flow control.
    var outstanding = 0
    var window = 0
    /// The subject whose answer says that all before it has arrived; empty while none is asked.
    var flowControlSubject = ""
    /// What that answer accounts for.
    var askedFor = 0
    var askCount: UInt64 = 0

    func isStalled(_ config: ConsumerConfig) -> Bool { config.flowControl && outstanding > window }
}

extension ConsumerMachine {
    /// Somebody began or ceased to listen to the deliver subject.
    public mutating func setBound(_ isBound: Bool, now: Timestamp) {
        guard config.isPush, push.isBound != isBound else { return }
        push.isBound = isBound
        lastActivity = now
        push.nextHeartbeat = now.advanced(byNanoseconds: config.idleHeartbeat).nanoseconds
        if !isBound { clearFlowControl() }
    }

    public var isBound: Bool { push.isBound }

    /// A client answered a flow control request.
    public mutating func flowControlAnswered(_ subject: String, now: Timestamp) {
        guard !push.flowControlSubject.isEmpty, push.flowControlSubject == subject else { return }
        lastActivity = now
        push.window = min(push.window * 2, PushState.largestWindow)
        push.outstanding = max(0, push.outstanding - push.askedFor)
        push.askedFor = 0
        push.flowControlSubject = ""
    }

    mutating func sentPush(byteCount: Int, now: Timestamp) {
        push.nextHeartbeat = now.advanced(byNanoseconds: config.idleHeartbeat).nanoseconds
        guard config.flowControl else { return }
        push.outstanding += byteCount
        if push.flowControlSubject.isEmpty, push.outstanding > push.window / 2 {
            askForFlowControl()
        }
    }

    /// A heartbeat, if it is time for one.
    mutating func beat(now: Timestamp) {
        guard config.isPush, config.idleHeartbeat > 0, push.isBound,
            push.nextHeartbeat <= now.nanoseconds
        else { return }
        push.nextHeartbeat = now.advanced(byNanoseconds: config.idleHeartbeat).nanoseconds
        let stalled = push.isStalled(config) && !push.flowControlSubject.isEmpty
        reply(
            heartbeat(stalled: stalled ? push.flowControlSubject : nil),
            to: Array(config.deliverSubject.utf8))
    }

    private mutating func askForFlowControl() {
        push.askCount += 1
        push.askedFor = push.outstanding
        push.flowControlSubject = "$JS.FC.\(stream).\(name).\(token(push.askCount))"
        effects.append(
            .status(
                .flowControlRequest, to: Array(config.deliverSubject.utf8),
                reply: Array(push.flowControlSubject.utf8)))
    }

    private mutating func clearFlowControl() {
        push.outstanding = 0
        push.askedFor = 0
        push.flowControlSubject = ""
        push.window = PushState.firstWindow
    }

    /// Four characters that follow each other without repeating soon.
    private func token(_ count: UInt64) -> String {
        let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var rest = count
        var text: [UInt8] = []
        for _ in 0..<4 {
            text.append(digits[Int(rest % 62)])
            rest /= 62
        }
        return String(decoding: text.reversed(), as: UTF8.self)
    }
}
