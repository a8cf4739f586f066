import Accounts
import Broker
import Bytes
import NATSService
import Synchronization
import Transport

/// A server in this process, and what its inbox got.
final class TestServer: InternalInbox, @unchecked Sendable {
    let group: EventLoopGroup
    let service: NATSService
    private let captured = Mutex<[String]>([])
    /// Keeps clients connected until the server stops.
    private let wires = Mutex<[Wire]>([])

    init(
        loopCount: Int = 2, directory: AccountDirectory? = nil,
        _ change: (inout NATSServerOptions) -> Void = { _ in }
    ) throws {
        group = try EventLoopGroup(loopCount: loopCount)
        var options = NATSServerOptions()
        options.host = "127.0.0.1"
        options.port = 0
        change(&options)
        service = NATSService(loops: group, options: options, directory: directory)
        try service.start(inbox: self)
        group.start()
    }

    func received(_ block: CapturedBlock) {
        block.forEach { message in
            var text = "\(message.tag.value) \(String(repairingUTF8: message.subject))"
            if message.hasReply { text += " reply \(String(repairingUTF8: message.reply))" }
            if !message.headers.isEmpty { text += " headers \(message.headers.byteCount)" }
            text += ": " + String(repairingUTF8: message.payload)
            captured.withLock { $0.append(text) }
        }
    }

    /// All captured so far; waits until there are `count`.
    func captures(_ count: Int) -> [String] {
        for _ in 0..<500 where captured.withLock({ $0.count }) < count { pause(milliseconds: 10) }
        return captured.withLock { $0 }
    }

    func wire(_ options: String? = "\"headers\":true,\"no_responders\":true") -> Wire {
        let wire = Wire(port: service.port, connect: options)
        wires.withLock { $0.append(wire) }
        return wire
    }

    func stop() {
        service.stop()
        group.stop()
    }

    /// Runs `body` on loop 0, where the router lives, and gives back what it returns.
    func onHome<T: Sendable>(_ body: @escaping @Sendable (NATSRouter) -> T) -> T {
        let answer = Answer<T>()
        group.loops[0].post { [self] in
            let value = body(service.routing)
            answer.value.withLock { $0 = value }
        }
        while true {
            if let value = answer.value.withLock({ $0 }) { return value }
            pause(milliseconds: 1)
        }
    }

    private final class Answer<T: Sendable>: Sendable { let value = Mutex<T?>(nil) }
}

extension NATSRouter {
    func publish(_ subject: String, reply: String? = nil, headers: String? = nil, _ payload: String)
        -> Bool
    {
        deliver(subject, to: subject, reply: reply, headers: headers, payload)
    }

    func deliver(
        _ subject: String, to inbox: String, reply: String? = nil, headers: String? = nil,
        _ payload: String
    ) -> Bool {
        let (replyBytes, headerBytes) = (Array((reply ?? "").utf8), Array((headers ?? "").utf8))
        return deliver(
            subject: Array(subject.utf8).span.bytes, to: Array(inbox.utf8).span.bytes,
            reply: reply == nil ? nil : replyBytes.span.bytes,
            headers: headers == nil ? nil : headerBytes.span.bytes,
            payload: Array(payload.utf8).span.bytes)
    }
}
