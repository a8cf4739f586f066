import Broker
import Bytes
import Catalog
import JetStream
import JetStreamAPI
import Model
import NATSProtocol
import Transport

/// A request, cut into what its handler needs.
struct APIRequest: ~Escapable {
    /// What follows `$JS.API.`, token by token.
    let tokens: [String]
    let subject: RawSpan
    let reply: RawSpan
    let payload: RawSpan
    /// Who asks, as JSON; empty where no audit is heard.
    let client: RawSpan

    @_lifetime(copy subject, copy reply, copy payload, copy client)
    init(
        tokens: [String], subject: RawSpan, reply: RawSpan, payload: RawSpan, client: RawSpan
    ) {
        self.tokens = tokens
        self.subject = subject
        self.reply = reply
        self.payload = payload
        self.client = client
    }

    /// The tokens from `start` on, joined again.
    func rest(from start: Int) -> String { tokens[start...].joined(separator: ".") }
}

extension JetStreamService {
    /// Answers a request on `$JS.API.>`. What is not there is answered too, as if nobody listened. A request without
    /// reply subject is carried out all the same.
    func answer(_ message: borrowing CapturedMessage) {
        var tokens = String(repairingUTF8: message.subject)
            .split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        // `$JS.API.…`, or `$JS.<domain>.API.…`
        tokens.removeFirst(min(tokens.count, tokens.dropFirst().first == "API" ? 2 : 3))
        let request = APIRequest(
            tokens: tokens, subject: message.subject, reply: message.reply, payload: message.payload,
            client: message.client)
        if current.limits != nil, let log = awaitedLog(of: tokens), hold(message, for: log) { return }
        // The request itself is counted once it is answered.
        defer { current.apiTotal += 1 }
        guard current.limits != nil else { return answerWithout(request) }
        guard isLevelOffered(message.headers) else { return answerLevel(request) }
        switch (tokens.first, tokens.count) {
        case ("INFO", 1): respond(to: request, accountInfo().reply())
        case ("STREAM", 2...): answerStream(request)
        case ("CONSUMER", 3...): answerConsumer(request)
        case ("DIRECT", 3...) where tokens[1] == "GET": answerDirectGet(request)
        case ("META", _), ("SERVER", _), ("ACCOUNT", _): refuse(request, .unknown, .clusterRequired)
        default: refuse(request, .unknown, .badRequest)
        }
    }

    /// nats-server has no subscription for such a request; its client hears so at once.
    func answerNobody(_ request: borrowing APIRequest) {
        reply(to: request.reply, .noResponders(subject: String(repairingUTF8: request.subject)))
    }

    /// Runs a handler that either answers or refuses.
    ///
    /// - Parameter isDurable: whether the answer says that something is on the disk, so that it has to wait for that.
    func answer(
        _ request: borrowing APIRequest, _ kind: APIReply, isDurable: Bool = false,
        _ body: () throws(JetStreamError) -> [UInt8]
    ) {
        do {
            let answer = try body()
            if isDurable {
                durableReplies.append(to: request.reply, when: .device, answer)
                // nats-server is silent about consumers that were reset.
                if kind == .consumerReset { return }
                if let audit = audit(request, answer) { durableAudits.append(audit) }
            } else {
                respond(to: request, answer)
            }
        } catch {
            refuse(request, kind, error)
        }
    }

    func refuse(_ request: borrowing APIRequest, _ kind: APIReply, _ error: JetStreamError) {
        current.apiErrors += 1
        let answer = kind.error(error)
        // Where nats-server does not answer it tells nothing either.
        if kind == .unknown { return reply(to: request.reply, answer) }
        respond(to: request, answer)
    }

    /// Answers at once, and tells who audits.
    private func respond(to request: borrowing APIRequest, _ answer: [UInt8]) {
        reply(to: request.reply, answer)
        if let audit = audit(request, answer) { broker.publish(audit, to: current.name) }
    }

    /// What is told of a request and its answer; nil where nobody listens.
    private func audit(_ request: borrowing APIRequest, _ answer: [UInt8]) -> Advisory? {
        guard request.client.byteCount > 0 else { return nil }
        return .audited(
            APIAudit(
                server: serverName, client: [UInt8](copying: request.client),
                requestSubject: String(repairingUTF8: request.subject),
                request: String(repairingUTF8: request.payload),
                response: String(decoding: answer, as: UTF8.self), domain: nats.options.domain))
    }

    /// The log of a stream, which has a view then.
    func stream(_ name: String) throws(JetStreamError) -> PartitionLog {
        guard let log = try broker.stream(named: name, in: current.name) else { throw .streamNotFound }
        return log
    }

    private func accountInfo() -> AccountInfo {
        let usage = broker.usage(of: current.name)
        var info = AccountInfo()
        info.domain = nats.options.domain
        info.apiTotal = current.apiTotal
        info.apiErrors = current.apiErrors
        info.memory = usage.memoryByteCount
        info.storage = usage.storageByteCount
        info.reservedMemory = usage.reservedMemoryByteCount
        info.reservedStorage = usage.reservedStorageByteCount
        info.streams = usage.streamCount
        info.consumers = usage.consumerCount
        if let limits = current.limits { info.limits = AccountLimits(limits) }
        return info
    }

    // MARK: The level of the API

    private func isLevelOffered(_ headers: RawSpan) -> Bool {
        guard headers.byteCount > 0 else { return true }
        let name = "\nNats-Required-Api-Level:"
        let text = String(repairingUTF8: headers)
        guard let found = text.range(of: name) else { return true }
        let value = text[found.upperBound...].prefix { $0 != "\r\n" && $0 != "\n" }
        guard let level = Int(value.trimmingSpaces) else { return true }
        return level <= APILevel.level
    }

    private func answerLevel(_ request: borrowing APIRequest) {
        let tokens = request.tokens
        if tokens.first == "DIRECT"
            || (tokens.count > 2 && tokens[1] == "MSG" && tokens[2] == "NEXT")
        {
            current.apiErrors += 1
            return reply(to: request.reply, .requiredApiLevel)
        }
        refuse(request, kind(of: tokens), .requiredApiLevel)
    }

    /// The account has no JetStream.
    private func answerWithout(_ request: borrowing APIRequest) {
        refuse(request, kind(of: request.tokens), .notEnabledForAccount)
    }

    private func kind(of tokens: [String]) -> APIReply {
        switch (tokens.first, tokens.count > 1 ? tokens[1] : "") {
        case ("STREAM", "CREATE"): .streamCreate
        case ("STREAM", "UPDATE"): .streamUpdate
        case ("STREAM", "NAMES"): .streamNames
        case ("STREAM", "LIST"): .streamList
        case ("STREAM", "DELETE"): .streamDelete
        case ("STREAM", "PURGE"): .streamPurge
        case ("STREAM", "MSG"):
            tokens.count > 2 && tokens[2] == "DELETE" ? .messageDelete : .messageGet
        case ("STREAM", _): .streamInfo
        case ("CONSUMER", "CREATE"), ("CONSUMER", "DURABLE"): .consumerCreate
        case ("CONSUMER", "NAMES"): .consumerNames
        case ("CONSUMER", "LIST"): .consumerList
        case ("CONSUMER", "DELETE"): .consumerDelete
        case ("CONSUMER", _): .consumerInfo
        default: .accountInfo
        }
    }
}

extension StringProtocol {
    var trimmingSpaces: String {
        var text = Substring(self)
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Where `part` first stands, byte by byte.
    func range(of part: String) -> Range<Index>? {
        let wanted = Array(part.utf8)
        var start = utf8.startIndex
        while start < utf8.endIndex {
            var position = start
            var matched = 0
            while matched < wanted.count, position < utf8.endIndex,
                utf8[position] == wanted[matched]
            {
                matched += 1
                position = utf8.index(after: position)
            }
            if matched == wanted.count { return start..<position }
            start = utf8.index(after: start)
        }
        return nil
    }
}

extension AccountLimits {
    init(_ limits: AccountStreamLimits) {
        self.init()
        memory = limits.memoryByteCount ?? -1
        storage = limits.storageByteCount ?? -1
        streams = limits.streamCount ?? -1
        consumers = limits.consumerCount ?? -1
        ackPending = limits.ackPendingCount ?? -1
        streamMemory = limits.streamMemoryByteCount ?? -1
        streamStorage = limits.streamStorageByteCount ?? -1
        requiresMaximumBytes = limits.requiresMaximumBytes
    }
}
