import JSON
import Synchronization
import Transport

/// `$SYS.REQ.SERVER.…`: what one server, or all that hear it, tell about themselves.
extension SystemService {
    /// What a request may ask for: the last token, and the report's name.
    private static let reports = [
        "VARZ", "CONNZ", "SUBSZ", "JSZ", "ACCOUNTZ", "ROUTEZ", "LEAFZ", "GATEWAYZ", "RAFTZ",
        "IPQUEUESZ", "HEALTHZ",
    ]

    func addServerServices() {
        let id = nats.options.serverID
        for target in ["PING", id] {
            let isForAll = target == "PING"
            func add(_ name: String, _ handle: @escaping @Sendable (SystemRequest, JSONValue) -> Void) {
                serve("$SYS.REQ.SERVER.\(target).\(name)", in: account) { [self] request in
                    if let options = options(of: request, isForAll: isForAll) {
                        handle(request, options)
                    }
                    return true
                }
            }
            for name in Self.reports {
                add(name) { [self] request, options in
                    reportData(request, name, options: options.bytes)
                }
            }
            add("STATSZ") { [self] request, _ in answerStatistics(request) }
            // For whoever wants to know who is there, without any choice.
            serve("$SYS.REQ.SERVER.\(target).IDZ", in: account) { [self] in
                answer($0, identifier)
                return true
            }
        }
        serve("$SYS.REQ.SERVER.PING", in: account) { [self] request in
            if options(of: request, isForAll: true) != nil { answerStatistics(request) }
            return true
        }
        serve("$SYS.REQ.SERVER.\(id).KICK", in: account) { [self] in
            withClient(of: $0, "no such client or leafnode id") { $0.end(.kicked) }
            return true
        }
        serve("$SYS.REQ.SERVER.\(id).LDM", in: account) { [self] in
            withClient(of: $0, "no such client id") { $0.announceLameDuck() }
            return true
        }
        serve("$SYS.REQ.SERVER.\(id).RELOAD", in: account) { [self] request in
            guard options(of: request, isForAll: false) != nil else { return true }
            guard let reload = nats.onReload else {
                answer(request, code: 500, "there is no configuration file to reload")
                return true
            }
            reload { [self] failure in
                if let failure {
                    answer(request, code: 500, failure)
                } else {
                    answerDone(request)
                }
            }
            return true
        }
    }

    /// The request's JSON. Nil where it is answered already, or meant for other servers.
    private func options(of request: SystemRequest, isForAll: Bool) -> JSONValue? {
        guard !request.payload.isEmpty else { return .object([]) }
        guard let value = try? JSONValue.parse(request.payload.span.bytes),
            value.object != nil || value.isNull
        else {
            answer(request, code: 400, "invalid JSON in the request")
            return nil
        }
        return !isForAll || isMeant(value) ? value : nil
    }

    /// Whether a request to all servers is for this one, by the filters that it carries.
    private func isMeant(_ filter: JSONValue) -> Bool {
        let options = nats.options
        let isExact = filter["exact_match"]?.bool ?? false
        func fits(_ name: String, _ own: String) -> Bool {
            guard let wanted = filter[name]?.string, !wanted.isEmpty else { return true }
            return isExact ? own == wanted : own.contains(wanted)
        }
        guard fits("server_name", options.serverName), fits("host", options.host),
            fits("cluster", "")
        else { return false }
        if let domain = filter["domain"]?.string, !domain.isEmpty, domain != options.domain {
            return false
        }
        let tags = Set(options.tags.map { $0.lowercased() })
        return (filter["tags"]?.array ?? []).allSatisfy { tag in
            tag.string.map { tags.contains($0.lowercased()) } ?? false
        }
    }

    private var identifier: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("name", nats.options.serverName)
        json.field("host", nats.options.host)
        json.field("id", nats.options.serverID)
        json.endObject()
        return json.bytes
    }

    // MARK: What is asked of one client

    /// Runs `body` with the session that a request names by `cid`, on its loop.
    private func withClient(
        of request: SystemRequest, _ refusal: String,
        _ body: @escaping @Sendable (ClientSession) -> Void
    ) {
        // nats-server is silent where no client is named.
        guard let value = try? JSONValue.parse(request.payload.span.bytes), value.object != nil else {
            return
        }
        look(for: value["cid"]?.integer(UInt64.self) ?? 0, on: 0, request, refusal, body)
    }

    private func look(
        for id: UInt64, on place: Int, _ request: SystemRequest, _ refusal: String,
        _ body: @escaping @Sendable (ClientSession) -> Void
    ) {
        guard place < nats.loops.count else {
            return answer(request, code: 500, refusal)
        }
        let list = nats.sessions[place]
        nats.loops[place].post { [self] in
            if let session = list.all.values.first(where: { $0.clientID == id }) {
                body(session)
                return answerDone(request)
            }
            look(for: id, on: place + 1, request, refusal, body)
        }
    }
}

extension JSONValue {
    var bytes: [UInt8] {
        var json = JSONWriter()
        json.value(self)
        return json.bytes
    }
}
