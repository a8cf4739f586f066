import JSON
import Synchronization
import Transport

/// `$SYS.REQ.SERVER.…`: what one server, or all that hear it, tell about themselves.
extension SystemService {
    /// What a request may ask for: the last token, and the report's name.
    private static let reports = [
        "VARZ", "CONNZ", "SUBSZ", "JSZ", "ACCOUNTZ", "ROUTEZ", "LEAFZ", "GATEWAYZ", "RAFTZ",
        "IPQUEUESZ",
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
            add("HEALTHZ") { [self] in answerHealth($0, $1) }
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
            withClient(of: $0) { $0.end(.kicked) }
            return true
        }
        serve("$SYS.REQ.SERVER.\(id).LDM", in: account) { [self] in
            withClient(of: $0) { $0.announceLameDuck() }
            return true
        }
        serve("$SYS.REQ.SERVER.\(id).RELOAD", in: account) { [self] request in
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
        guard let value = try? JSONValue.parse(request.payload.span.bytes), value.object != nil else {
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

    /// The same as by HTTP, with the status in it.
    private func answerHealth(_ request: SystemRequest, _ options: JSONValue) {
        report(request, "HEALTHZ", options: options.bytes) { [self] result in
            var members: [JSONMember] = []
            switch result {
            case .success(let body):
                members = (try? JSONValue.parse(body.span.bytes))?.object ?? []
                if !members.contains(where: { $0.name == "status_code" }) {
                    let place = min(1, members.count)
                    members.insert(JSONMember(name: "status_code", value: .number("200")), at: place)
                }
            case .failure(let refusal):
                members = [
                    JSONMember(name: "status", value: .string("error")),
                    JSONMember(name: "status_code", value: .number(String(refusal.status))),
                    JSONMember(name: "error", value: .string(refusal.text)),
                ]
            }
            answer(request, data: JSONValue.object(members).bytes)
        }
    }

    // MARK: What is asked of one client

    /// Runs `body` with the session that a request names by `cid`, on its loop.
    private func withClient(
        of request: SystemRequest, _ body: @escaping @Sendable (ClientSession) -> Void
    ) {
        guard let value = try? JSONValue.parse(request.payload.span.bytes),
            let id = value["cid"]?.integer(UInt64.self)
        else { return answer(request, code: 400, "the request names no client") }
        look(for: id, on: 0, request, body)
    }

    private func look(
        for id: UInt64, on place: Int, _ request: SystemRequest,
        _ body: @escaping @Sendable (ClientSession) -> Void
    ) {
        guard place < nats.loops.count else {
            return answer(request, code: 500, "no such client or leafnode id")
        }
        let list = nats.sessions[place]
        nats.loops[place].post { [self] in
            if let session = list.all.values.first(where: { $0.clientID == id }) {
                body(session)
                return answerDone(request)
            }
            look(for: id, on: place + 1, request, body)
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
