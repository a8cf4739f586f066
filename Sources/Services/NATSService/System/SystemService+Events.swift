import Bytes
import JSON
import JetStreamAPI
import Model
import Platform
import Transport

/// What the system account is told without asking. Nothing is made where nobody listens.
extension SystemService {
    /// Any thread.
    func isListened(_ subject: String) -> Bool {
        let bytes = Array(subject.utf8)
        return account.index.hasMatch(bytes.span.bytes)
    }

    /// Publishes in the system account. Any thread.
    func tell(_ subject: String, _ body: [UInt8]) {
        home.post { [self] in
            let bytes = Array(subject.utf8)
            nats.routing(for: account).publishCaptured(
                subject: bytes.span.bytes, reply: nil, headers: nil, payload: body.span.bytes)
        }
    }

    private func event(_ kind: String, _ time: Timestamp, _ members: (inout JSONWriter) -> Void)
        -> [UInt8]
    {
        var json = JSONWriter()
        json.beginObject()
        json.field("type", "io.nats.server.advisory.v1.\(kind)")
        json.field("id", Self.uniqueText())
        json.field("timestamp", time.rfc3339)
        json.field("server", (try? JSONValue.parse(server.span.bytes)) ?? .null)
        members(&json)
        json.endObject()
        return json.bytes
    }

    // MARK: Clients come and go. On the session's loop.

    func connected(_ session: ClientSession) {
        let name = session.router.account.name
        tellConnections(of: session.router.account)
        let subject = "$SYS.ACCOUNT.\(name).CONNECT"
        guard isListened(subject) else { return }
        var client = session.requestInfo(isShared: true)
        client.serverName = nil
        client.nameTag = name
        tell(
            subject,
            event("client_connect", Clock.now()) { json in
                json.field("client", client.value)
            })
    }

    func disconnected(_ session: ClientSession, _ reason: CloseReason) {
        let account = session.router.account
        let isRefused = reason == .authenticationFailure || reason == .authenticationTimeout
        guard session.isConnected || isRefused else { return }
        if session.isConnected { tellConnections(of: account) }
        var subjects = ["$SYS.ACCOUNT.\(account.name).DISCONNECT"]
        if isRefused { subjects.append("$SYS.SERVER.\(nats.options.serverID).CLIENT.AUTH.ERR") }
        subjects.removeAll { !isListened($0) }
        guard !subjects.isEmpty else { return }
        let now = Clock.now()
        var client = session.requestInfo(isShared: true)
        client.serverName = nil
        client.nameTag = account.name
        client.stop = now
        let report = session.report
        for subject in subjects {
            tell(
                subject,
                event("client_disconnect", now) { json in
                    json.field("client", client.value)
                    // As the client's account sees it: what it sent came in here.
                    write("sent", report.messagesIn, report.bytesIn, to: &json)
                    write("received", report.messagesOut, report.bytesOut, to: &json)
                    json.field("reason", reason.rawValue)
                })
        }
    }

    private func write(
        _ name: String, _ messages: UInt64, _ bytes: UInt64, to json: inout JSONWriter
    ) {
        json.name(name)
        json.beginObject()
        json.field("msgs", messages)
        json.field("bytes", bytes)
        json.endObject()
    }

    // MARK: The connections of an account

    func tellConnections(of account: AccountRouting) {
        let subjects = [
            "$SYS.SERVER.ACCOUNT.\(account.name).CONNS",
            "$SYS.ACCOUNT.\(account.name).SERVER.CONNS",
        ].filter { isListened($0) }
        guard !subjects.isEmpty else { return }
        connections(of: account.name) { [self] body in
            guard let body else { return }
            for subject in subjects { tell(subject, body) }
        }
    }

    /// The event as it is published, and as it is asked for.
    func connections(of name: String, _ done: @escaping @Sendable ([UInt8]?) -> Void) {
        guard let reports = nats.reports else { return done(nil) }
        let options = JSONValue.object([
            JSONMember(name: "accounts", value: .array([.string(name)]))
        ])
        reports.report("ACCSTATZ", options: options.bytes) { [self] result in
            guard case .success(let body) = result,
                let found = (try? JSONValue.parse(body.span.bytes))?["account_statz"]?.array?.first
            else { return done(nil) }
            done(
                event("account_connections", Clock.now()) { json in
                    for member in found.object ?? [] { json.field(member.name, member.value) }
                })
        }
    }

    // MARK: The server goes

    /// It stops, or lets its clients go. On loop 0, before anybody is cut off.
    func tellEnd(_ kind: String) {
        let subject = "$SYS.SERVER.\(nats.options.serverID).\(kind)"
        guard isListened(subject) else { return }
        let bytes = Array(subject.utf8)
        let body = server
        nats.routing(for: account).publishCaptured(
            subject: bytes.span.bytes, reply: nil, headers: nil, payload: body.span.bytes)
    }
}
