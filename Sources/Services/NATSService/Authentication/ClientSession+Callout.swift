import Accounts
import Bytes
import Model
import NATSProtocol
import Platform
import Transport

/// A service on the message bus decides whether the client is let in.
extension ClientSession {
    /// What was asked, and where the answer is expected.
    struct OpenQuestion {
        let question: CalloutQuestion
        let options: ConnectOptions
        let account: AccountRouting
        let inbox: [UInt8]
        let timer: TimerID
    }

    func ask(_ callout: Callout, _ options: ConnectOptions) {
        phase = .authenticating
        let userKey = SigningKey(.user, seed: Entropy.bytes(32)).publicKey
        let keys = service.keys
        let question = CalloutQuestion(
            callout, userKey: userKey, credentials: credentials(options),
            server: CalloutQuestion.Server(
                id: service.options.serverID, name: service.options.serverName,
                host: service.options.host, version: service.options.version,
                xkey: keys.sealing.publicKey.text),
            client: CalloutQuestion.Client(
                id: clientID, name: options.name, language: options.language,
                version: options.version, clientProtocol: options.clientProtocol))
        let timeout = service.authenticator.directory.timeoutNanoseconds
        let now = connection.loop.now.nanoseconds / 1_000_000_000
        let token = question.token(
            by: keys.signing, issuedAt: now, expires: now + timeout / 1_000_000_000 + 1,
            id: Base64URL.encode(Entropy.bytes(16)))
        guard let message = message(token, callout) else {
            return violate(user: options, .calloutRefused("the request cannot be sealed"))
        }
        let account = service.accounts.account(named: callout.account)
        // Nobody can guess the key.
        let inbox = Array("$SYS._INBOX.\(userKey.text)".utf8)
        let timer = connection.loop.schedule(afterNanoseconds: timeout) { [weak self] in
            self?.stopAsking("response not received in time")
        }
        openQuestion = OpenQuestion(
            question: question, options: options, account: account, inbox: inbox, timer: timer)
        let (service, connection) = (service, connection)
        service.callouts.expect(inbox) { answer in
            service.withSession(of: connection) { $0.calloutAnswered(answer) }
        }
        account.index.add(.callout(service.callouts), for: inbox)
        let router = account.router(on: connection.loop)
        router.begin()
        let subject = Array(Callout.subject.utf8)
        let delivered = router.routePieces(
            subject: subject.span.bytes, to: subject.span.bytes, reply: inbox.span.bytes,
            headerByteCount: message.headers.count, hasHeaders: !message.headers.isEmpty,
            headers: message.headers.span.bytes, payload: message.payload.span.bytes,
            publisherID: 0, origin: MessageOrigin())
        if !delivered { stopAsking("no service listens in account \(callout.account)") }
    }

    /// The request, sealed where the service has a key.
    private func message(
        _ token: String, _ callout: Callout
    ) -> (headers: [UInt8], payload: [UInt8])? {
        guard let xkey = callout.xkey else { return ([], Array(token.utf8)) }
        let sealing = service.keys.sealing
        guard
            let sealed = sealing.seal(
                Array(token.utf8), to: xkey, nonce: Entropy.bytes(SealingKey.nonceByteCount))
        else { return nil }
        let header = "NATS/1.0\r\n\(Callout.keyHeader): \(sealing.publicKey.text)\r\n\r\n"
        return (Array(header.utf8), sealed)
    }

    func calloutAnswered(_ answer: [UInt8]) {
        guard let open = closeQuestion() else { return }
        let outcome: Authentication =
            answer.isEmpty
            ? .refused(.calloutRefused("no reason supplied"))
            : service.authenticator.settle(
                answer, to: open.question, openedBy: service.keys.sealing,
                now: connection.loop.now)
        resume(outcome, open.options)
    }

    private func stopAsking(_ why: String) {
        guard let open = closeQuestion() else { return }
        resume(.refused(.calloutRefused(why)), open.options)
    }

    /// Nobody waits for the answer any more.
    @discardableResult
    func closeQuestion() -> OpenQuestion? {
        guard let open = openQuestion else { return nil }
        openQuestion = nil
        service.callouts.forget(open.inbox)
        _ = open.account.index.remove(.callout(service.callouts), for: open.inbox)
        connection.loop.cancel(open.timer)
        return open
    }
}

/// The server's own keys, made at its start.
struct ServerKeys: Sendable {
    let signing = SigningKey(.server, seed: Entropy.bytes(32))
    let sealing = SealingKey(seed: Entropy.bytes(32))
}
