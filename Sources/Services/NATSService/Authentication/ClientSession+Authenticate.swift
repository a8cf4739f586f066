import Accounts
import Bytes
import NATSProtocol
import ServerConfig
import Transport

/// From the first byte to the answer to CONNECT.
extension ClientSession {
    /// unauthenticated → authenticating → ready; the first may go to the last at once, and a second
    /// CONNECT leads from the last to the second.
    enum Phase {
        /// Nothing but CONNECT is listened to.
        case unauthenticated
        /// The answer to CONNECT takes its time; what comes meanwhile is kept.
        case authenticating
        case ready
    }

    /// So much may come while an answer to CONNECT is worked out; then reading stops.
    private static let patienceByteCount = 64 << 10

    /// At the start: whether this client has to say who it is, and until when.
    func beginAuthentication(_ directory: AccountDirectory) {
        guard directory.requiresCredentials || connectionType == .webSocket && directory.webSocketDiffers
        else { return }
        phase = .unauthenticated
        armAuthenticationTimer(directory)
    }

    private func armAuthenticationTimer(_ directory: AccountDirectory) {
        authenticationTimer = connection.loop.schedule(
            afterNanoseconds: directory.timeoutNanoseconds
        ) { [weak self] in
            guard let self, phase != .ready, connection.isOpen else { return }
            refuse(.authenticationTimeout)
        }
    }

    /// What comes from a client that is not let in.
    ///
    /// - Returns: how many bytes it took; nil to go on as usual.
    func receivedTooEarly(_ bytes: RawSpan) -> Int? {
        switch phase {
        case .ready: return nil
        case .authenticating:
            if bytes.byteCount > Self.patienceByteCount { connection.pauseReading() }
            return 0
        case .unauthenticated:
            guard bytes.byteCount > 0 else { return 0 }
            // The first letter decides: nobody may send a payload before.
            let first = bytes[byteAt: 0]
            if first == UInt8(ascii: "C") || first == UInt8(ascii: "c") { return nil }
            if admitSilently() { return nil }
            return bytes.byteCount
        }
    }

    /// The first command is not CONNECT: fine where somebody stands for those who say nothing.
    private func admitSilently() -> Bool {
        let answer = service.authenticator.authenticate(
            credentials(ConnectOptions()), now: connection.loop.now)
        if case .accepted(let identity) = answer, admit(identity) { return true }
        if connection.isOpen { violate(user: nil, nil) }
        return false
    }

    /// CONNECT. Whoever connects again starts afresh, without the subscriptions so far.
    func connect(_ argument: RawSpan) {
        guard let options = try? ConnectOptions(parsing: argument) else {
            return end(.protocolViolation)
        }
        cancelAuthenticationTimer()
        settle(
            service.authenticator.authenticate(credentials(options), now: connection.loop.now),
            options)
    }

    var connectionType: ConnectionType { connection.kind == .webSocket ? .webSocket : .standard }

    func credentials(_ options: ConnectOptions) -> ClientCredentials {
        var credentials = ClientCredentials()
        credentials.user = options.user
        credentials.password = options.password
        credentials.token = options.authToken
        credentials.nkey = options.nkey
        credentials.jwt = options.jwt
        credentials.signature = options.signature
        credentials.nonce = Array(nonce.utf8)
        if let cookies = connection.webSocketRequest?.cookies {
            // What CONNECT says comes first.
            if credentials.jwt.isEmpty { credentials.jwt = cookies.jwt ?? "" }
            if credentials.user.isEmpty { credentials.user = cookies.user ?? "" }
            if credentials.password.isEmpty { credentials.password = cookies.password ?? "" }
            if credentials.token.isEmpty { credentials.token = cookies.token ?? "" }
        }
        credentials.certificate = certificateNames
        credentials.connectionType = connectionType
        credentials.host = connection.remoteAddress.host
        return credentials
    }

    /// Nil where the client has shown none that is to be trusted.
    private var certificateNames: CertificateNames? {
        guard let certificate = connection.tlsIdentity?.certificate, certificate.isVerified else {
            return nil
        }
        var names = CertificateNames()
        names.emailAddresses = certificate.emails
        names.dnsNames = certificate.dnsNames
        names.uris = certificate.uris
        names.distinguishedName = certificate.subject
        return names
    }

    private func settle(_ answer: Authentication, _ options: ConnectOptions) {
        switch answer {
        case .accepted(let identity): finishConnect(options, identity)
        case .refused(let refusal): violate(user: options, refusal)
        case .mustHash(let work): takeTime(options) { _ in work.verify() }
        case .mustResolve(let account): resolve(account, options)
        case .mustAsk(let callout): ask(callout, options)
        }
    }

    /// The account's JWT is looked for, and then the client's credentials are looked at again.
    private func resolve(_ account: String, _ options: ConnectOptions) {
        guard service.authenticator.folder != nil else {
            return violate(user: options, .accountUnknown)
        }
        let (credentials, now) = (credentials(options), connection.loop.now)
        takeTime(options) { service in
            do {
                guard try service.authenticator.resolve(account, now: now) else {
                    return .refused(.accountUnknown)
                }
            } catch {
                service.clientLog?.warn("\(error)")
                return .refused(.accountUnknown)
            }
            service.accountsChanged()
            return service.authenticator.authenticate(credentials, now: now)
        }
    }

    /// The answer is worked out on another thread, which has as long for it as the client had for
    /// its CONNECT.
    private func takeTime(
        _ options: ConnectOptions, _ work: @escaping @Sendable (NATSService) -> Authentication
    ) {
        phase = .authenticating
        armAuthenticationTimer(service.authenticator.directory)
        let (connection, service) = (connection, service)
        let name = [options.user, options.nkey, options.jwt].first { !$0.isEmpty } ?? ""
        service.authenticator.workers.submit(
            SlowWorkers.Job(
                isWanted: { !connection.isGone },
                work: {
                    let answer = work(service)
                    service.withSession(of: connection) { $0.resume(answer, options) }
                },
                turnedAway: { service.withSession(of: connection) { $0.turnAway() } }),
            in: SlowWorkers.Lane(host: connection.remoteAddress.host, name: name))
    }

    /// Too many wait for their answer.
    private func turnAway() {
        guard phase == .authenticating, connection.isOpen else { return }
        service.clientLog?.warn("too many logins wait for their answer", self)
        refuse(.authenticationTimeout)
    }

    /// The answer has come; what the client has sent meanwhile follows.
    func resume(_ answer: Authentication, _ options: ConnectOptions) {
        guard phase == .authenticating, connection.isOpen else { return }
        phase = .unauthenticated
        cancelAuthenticationTimer()
        settle(asOfNow(answer), options)
        guard phase != .authenticating, connection.isOpen else { return }
        // Both, so that what is kept is delivered also where reading never stopped.
        connection.pauseReading()
        connection.resumeReading()
    }

    /// The configuration, or his account, may have changed while the answer was worked out.
    private func asOfNow(_ answer: Authentication) -> Authentication {
        guard case .accepted(let identity) = answer else { return answer }
        let directory = service.authenticator.directory
        let renewed = directory.renew(
            identity, connectionType: connectionType, now: connection.loop.now)
        return renewed.map { .accepted($0) } ?? .refused(.revoked)
    }

    private func finishConnect(_ options: ConnectOptions, _ new: Identity) {
        guard options.account.isEmpty, !options.newAccount else {
            return violate(user: options, nil)
        }
        guard 0...1 ~= options.clientProtocol else { return refuse(.invalidClientProtocol) }
        guard options.headers || !options.noResponders else {
            return refuse(.noRespondersNeedsHeaders)
        }
        removeAllSubscriptions()
        guard admit(new) else { return }
        adopt(options)
    }

    /// Lets the client in as `new`.
    ///
    /// - Returns: false where its account is full; the connection ends then.
    private func admit(_ new: Identity) -> Bool {
        enter(service.accounts.account(named: new.account))
        let limit = new.limits.maximumAccountConnections
        if limit >= 0, router.account.clientCount > limit {
            refuse(.tooManyAccountConnections)
            return false
        }
        phase = .ready
        cancelAuthenticationTimer()
        take(new)
        return true
    }

    private func cancelAuthenticationTimer() {
        if let authenticationTimer { connection.loop.cancel(authenticationTimer) }
        authenticationTimer = nil
    }

    /// Not let in: the client is told so, the log whom it was about.
    func violate(user options: ConnectOptions?, _ refusal: AuthenticationRefusal?) {
        if let refusal { service.clientLog?.refused(self, refusal) }
        service.clientLog?.violated(
            self, options, service.authenticator.directory)
        refuse(.authorizationViolation)
    }

    /// The connection has ended.
    func endAuthentication() {
        cancelAuthenticationTimer()
        closeQuestion()
        if let expiryTimer { connection.loop.cancel(expiryTimer) }
        expiryTimer = nil
    }
}
