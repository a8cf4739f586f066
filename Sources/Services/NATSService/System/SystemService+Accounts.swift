import Accounts
import Bytes
import JSON
import JetStreamAPI
import Model
import Platform
import ServerConfig

/// `$SYS.REQ.ACCOUNT.<account>.…` in the system account; `$SYS.REQ.ACCOUNT.PING.…` for the own
/// account, and `$SYS.REQ.USER.INFO`, in the others.
extension SystemService {
    func addAccountServices() {
        for name in ["CONNZ", "SUBSZ", "LEAFZ", "JSZ", "INFO", "STATZ", "CONNS"] {
            serve("$SYS.REQ.ACCOUNT.*.\(name)", in: account) { [self] request in
                let asked = String(request.tokens[3])
                if asked == "PING", name == "STATZ" {
                    reportData(request, "ACCSTATZ", options: request.payload)
                } else {
                    answerAccount(request, name, asked)
                }
                return true
            }
        }
        serve("$SYS.REQ.ACCOUNT.NSUBS", in: account) { [self] request in
            countSubscriptions(request)
            return true
        }
        serve("$SYS.DEBUG.SUBSCRIBERS", in: account) { [self] request in
            let words = String(decoding: request.payload, as: UTF8.self)
                .split(separator: " ").map(String.init)
            let count = account.index.clientMatchCount(
                words.first ?? "", queue: words.dropFirst().first ?? "")
            answer(request, Array(String(count).utf8))
            return true
        }
    }

    /// How many subscriptions of an account match a subject. As in nats-server, there is no answer
    /// where the request makes no sense or nobody is in the account.
    private func countSubscriptions(_ request: SystemRequest) {
        guard let asked = try? JSONValue.parse(request.payload.span.bytes),
            let name = asked["acc"]?.string, let account = nats.accounts.known(name),
            account.clientCount > 0
        else { return }
        var queue: [UInt8] = []
        if let text = asked["queue"]?.string {
            guard let decoded = Base64.decode(text) else { return }
            queue = decoded
        }
        let count = account.index.clientMatchCount(
            asked["subject"]?.string ?? "", queue: String(decoding: queue, as: UTF8.self))
        answer(request, Array(String(count).utf8))
    }

    /// What the clients of any account may ask.
    func addServices(to account: AccountRouting) {
        serve("$SYS.REQ.USER.INFO", in: account) { [self] request in
            guard let identity = request.identity else { return false }
            answer(request, data: information(identity))
            return true
        }
        guard account !== self.account else { return }
        let name = account.name
        for subject in ["$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.SERVER.PING.CONNZ"] {
            serve(subject, in: account) { [self] request in
                answerAccount(request, "CONNZ", name)
                return true
            }
        }
        serve("$SYS.REQ.ACCOUNT.PING.STATZ", in: account) { [self] request in
            answerAccount(request, "STATZ", name)
            return true
        }
    }

    private func answerAccount(_ request: SystemRequest, _ what: String, _ name: String) {
        guard var options = Self.options(of: request) else {
            if what == "CONNS" { return }
            return answer(request, code: 400, "invalid JSON in the request")
        }
        // Nothing is said of accounts that are not there, where reports would be empty.
        let isKnown = nats.accounts.known(name) != nil
        if !isKnown, what == "STATZ" || what == "CONNS" { return }
        func set(_ key: String, _ value: JSONValue) {
            options.removeAll { $0.name == key }
            options.append(JSONMember(name: key, value: value))
        }
        switch what {
        case "INFO":
            part(request, "ACCOUNTZ", [JSONMember(name: "account", value: .string(name))]) {
                $0["account_detail"]
            }
        case "STATZ":
            set("accounts", .array([.string(name)]))
            reportData(request, "ACCSTATZ", options: JSONValue.object(options).bytes)
        case "CONNS":
            let other = options.first { $0.name == "acc" }?.value.string
            if let other, other != name { return }
            connections(of: name) { [self] body in
                guard let body else { return answer(request, code: 500, "no numbers of \(name)") }
                answer(request, body)
            }
        case "JSZ":
            guard isKnown else {
                return answer(request, code: 500, "account \"\(name)\" not found", withNull: true)
            }
            for key in ["acc", "account"] { set(key, .string(name)) }
            part(request, "JSZ", options) { $0["account_details"]?.array?.first }
        default:
            set("acc", .string(name))
            if what == "SUBSZ" { set("subscriptions", .bool(true)) }
            reportData(request, what, options: JSONValue.object(options).bytes)
        }
    }

    /// The members of the request's JSON.
    private static func options(of request: SystemRequest) -> [JSONMember]? {
        guard !request.payload.isEmpty else { return [] }
        let value = try? JSONValue.parse(request.payload.span.bytes)
        return value?.isNull == true ? [] : value?.object
    }

    /// Answers with a part of a report.
    private func part(
        _ request: SystemRequest, _ name: String, _ options: [JSONMember],
        _ choose: @escaping @Sendable (JSONValue) -> JSONValue?
    ) {
        report(request, name, options: JSONValue.object(options).bytes) { [self] result in
            switch result {
            case .success(let body):
                let value = (try? JSONValue.parse(body.span.bytes)).flatMap(choose) ?? .null
                answer(request, data: value.bytes)
            case .failure(let refusal): answer(request, refusal)
            }
        }
    }

    // MARK: Who am I

    private func information(_ identity: Identity) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("user", identity.user.text)
        json.field("account", identity.account)
        json.field("account_name", identity.account)
        if let permissions = identity.permissions?.options {
            json.name("permissions")
            json.beginObject()
            write("publish", permissions.publish, to: &json)
            write("subscribe", permissions.subscribe, to: &json)
            if let responses = permissions.responses {
                json.name("responses")
                json.beginObject()
                json.field("max", responses.maximumMessages)
                json.field("ttl", responses.expiresNanoseconds)
                json.endObject()
            }
            json.endObject()
        }
        if let expiry = identity.expiry {
            json.field("expires", expiry.nanoseconds - Clock.now().nanoseconds)
        }
        json.endObject()
        return json.bytes
    }

    private func write(_ name: String, _ permission: SubjectPermission?, to json: inout JSONWriter) {
        guard let permission else { return }
        json.name(name)
        json.beginObject()
        for (list, subjects) in [("allow", permission.allow), ("deny", permission.deny)]
        where !subjects.isEmpty {
            json.field(list, .array(subjects.map(JSONValue.string)))
        }
        json.endObject()
    }
}
