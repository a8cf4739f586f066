import Platform
import Synchronization

/// How a connection with a filter begins and ends.
extension Connection {
    /// Puts the filter of `plan` in place and makes the handler when its time has come. On the
    /// loop, as the connection is adopted.
    func begin(
        _ plan: ConnectionPlan, _ makeHandler: @escaping (Connection) -> any ConnectionHandler
    ) {
        if plan.tls == nil, plan.webSocket == nil { return handler = makeHandler(self) }
        let filter = ConnectionFilter(plan)
        self.filter = filter
        kind = plan.webSocket == nil ? .client : .webSocket
        let timeout = plan.webSocket?.handshakeTimeoutNanoseconds ?? plan.tls!.timeoutNanoseconds
        // Strong references, since a weak one would slow down all others for good. Both end with
        // their timer.
        filter.timer = loop.schedule(afterNanoseconds: timeout) { [self] in
            handshakeTakesTooLong()
        }
        if plan.webSocket != nil {
            filter.makeHandler = makeHandler
            filter.isHeld = plan.tls != nil
            if plan.tls != nil { return startTLS(filter) }
            return startUpgrade(filter)
        }
        switch plan.tls!.start {
        case .afterGreeting:
            handler = makeHandler(self)
            sendGreeting(filter)
        case .first:
            filter.isHeld = true
            handler = makeHandler(self)
            startTLS(filter)
        case .firstOrGreeting(let delay):
            filter.stage = .undecided
            filter.isHeld = true
            handler = makeHandler(self)
            loop.schedule(afterNanoseconds: delay) { [self] in
                if filter.stage == .undecided, state == .open { sendGreeting(filter) }
            }
        }
    }

    /// What the handler has written so far goes out in the clear, all else waits for the handshake.
    private func sendGreeting(_ filter: ConnectionFilter) {
        filter.stage = .expectsTLS
        filter.isHeld = true
        guard state == .open else { return }
        flushInTheClear()
        if !filter.plan.tls!.allowsPlain { _ = mayBeginHandshake(filter) }
    }

    /// False: too many have begun, and the connection ends.
    private func mayBeginHandshake(_ filter: ConnectionFilter) -> Bool {
        guard let limit = filter.plan.tls?.limit, !filter.isCounted else { return true }
        filter.isCounted = true
        if limit.allows(atNanoseconds: loop.monotonicNanoseconds) { return true }
        failure = .tooManyHandshakes
        endReason = .handshakeFailed
        enqueue(limit.lastWords, .raw)
        close(afterFlush: true)
        return false
    }

    func startTLS(_ filter: ConnectionFilter) {
        beganWithTLS = filter.stage != .expectsTLS
        filter.stage = .handshake
        filter.isHeld = true
        guard mayBeginHandshake(filter) else { return }
        guard let tls = filter.plan.tls, let session = TLSSession(tls.context) else {
            return fail(.handshake("no memory"))
        }
        filter.tls = session
    }

    /// The handshake is over.
    func finishHandshake(_ filter: ConnectionFilter) {
        guard let tls = filter.tls else { return }
        let identity = tls.identity
        let pinned = tls.context.settings.pinnedKeys
        if !pinned.isEmpty, !pinned.contains(identity.certificate?.keyDigest ?? "") {
            return fail(.unknownCertificate)
        }
        tlsIdentity = identity
        if filter.makeHandler != nil {
            filter.isHeld = false
            startUpgrade(filter)
        } else {
            filter.stage = .open
            open(filter)
        }
    }

    /// All that was to be agreed on is agreed on.
    func open(_ filter: ConnectionFilter) {
        filter.isHeld = false
        cancelTimer(filter)
        writeQueueIfPossible(on: loop)
    }

    func cancelTimer(_ filter: ConnectionFilter) {
        if let timer = filter.timer { loop.cancel(timer) }
        filter.timer = nil
    }

    private func handshakeTakesTooLong() {
        guard let filter, state == .open else { return }
        filter.timer = nil
        switch filter.stage {
        case .open: break
        case .upgrade: refuseUpgrade(filter, .timeout)
        case .undecided, .expectsTLS, .handshake: fail(.handshakeTimeout)
        }
    }

    /// Ends the connection at once, without another word but what the TLS library has to say.
    func fail(_ failure: FilterFailure) {
        guard state == .open else { return }
        self.failure = failure
        endReason = failure.isBeforeStart ? .handshakeFailed : .malformedInput
        sendUnasked()
        end(.ended)
    }

    /// Alerts, answers and handshakes that the TLS library wants to be sent.
    func sendUnasked() {
        guard let tls = filter?.tls, tls.hasUnasked else { return }
        output.withLock { $0.hasUnasked = true }
        writeQueueIfPossible(on: loop)
    }

    /// The last words of an orderly end, behind all that was written. Once.
    func sayGoodbye() {
        guard let filter, !filter.hasSaidGoodbye else { return }
        filter.hasSaidGoodbye = true
        if filter.isHeld {
            dropHeldOutput()
            return writeQueueIfPossible(on: loop)
        }
        if filter.framer != nil {
            let goodbye = goodbye ?? WebSocketClose(.normal, "Client Closed")
            enqueue(goodbye.frame, .framed)
        }
        if filter.tls != nil { enqueue([], .endOfTLS) }
        writeQueueIfPossible(on: loop)
    }
}
