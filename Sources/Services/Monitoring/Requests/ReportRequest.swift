import JSON
import NATSService

/// One report and what is asked of it, from an HTTP query or from the JSON of a system request.
///
/// Source: nats-server's monitoring endpoints and their options.
enum ReportRequest: Sendable {
    case variables
    case connections(ConnectionOptions)
    case subscriptions(SubscriptionOptions)
    case accounts(name: String)
    case accountStatistics(unused: Bool, names: [String])
    case jetStream(JetStreamOptions)
    case health(HealthOptions)
    case routes
    case leafNodes
    case gateways
    case queues
    case raftGroups(isSystemRequest: Bool)

    /// - Parameter name: `VARZ`, as in system requests; the HTTP path is the same in small letters.
    /// - Throws: an option of the wrong kind (400), or no such report (404).
    init(_ name: String, _ fields: ReportFields) throws(ServerReportRefusal) {
        switch name {
        case "VARZ": self = .variables
        case "CONNZ": self = .connections(try ConnectionOptions(fields))
        case "SUBSZ", "SUBSCRIPTIONSZ": self = .subscriptions(try SubscriptionOptions(fields))
        case "ACCOUNTZ": self = .accounts(name: fields.text("acc", "account"))
        case "ACCSTATZ":
            self = .accountStatistics(
                unused: try fields.flag("unused", "include_unused"), names: fields.list("accounts"))
        case "JSZ": self = .jetStream(try JetStreamOptions(fields))
        case "HEALTHZ": self = .health(try HealthOptions(fields))
        case "ROUTEZ":
            _ = try fields.subscriptionsFlag()
            self = .routes
        case "LEAFZ":
            _ = try fields.flag("subs", "subscriptions")
            self = .leafNodes
        case "GATEWAYZ":
            _ = try fields.flag("accs", "accounts")
            self = .gateways
        case "IPQUEUESZ": self = .queues
        case "RAFTZ": self = .raftGroups(isSystemRequest: fields.isSystemRequest)
        default: throw ServerReportRefusal(status: 404, text: "404 page not found")
        }
    }
}

struct ConnectionOptions: Sendable {
    enum State: Sendable { case open, closed, any, none }

    var order = ConnectionOrder.id
    var showsAuthentication = false
    var showsSubscriptions = false
    var showsSubscriptionDetails = false
    var offset = 0
    var limit = 1024
    /// 0: all.
    var id: UInt64 = 0
    var state = State.open
    var user = ""
    var account = ""
    var filterSubject = ""
    /// Nobody speaks MQTT here, so whoever asks for such a client finds none.
    var mqttClient = ""

    init(_ fields: ReportFields) throws(ServerReportRefusal) {
        let order = fields.text("sort")
        guard let known = ConnectionOrder(name: order) else {
            throw .bad("invalid sorting option: \(order)")
        }
        self.order = known
        showsAuthentication = try fields.flag("auth")
        (showsSubscriptions, showsSubscriptionDetails) = try fields.subscriptionsFlag()
        offset = max(0, try fields.integer("offset"))
        limit = try fields.integer("limit")
        if limit <= 0 { limit = 1024 }
        id = try fields.unsigned("cid")
        if id > 0 { limit = 1 }
        state = try fields.connectionState()
        user = fields.text("user")
        account = fields.text("acc")
        filterSubject = fields.text("filter_subject")
        mqttClient = fields.text("mqtt_client")
        if state != .closed, known == .stop || known == .reason {
            throw .bad("sort by \(order) only valid on closed connections")
        }
    }
}

struct SubscriptionOptions: Sendable {
    var showsSubscriptions: Bool
    var offset: Int
    var limit: Int
    var account: String
    /// Only those that would get a message on this subject.
    var test: String

    init(_ fields: ReportFields) throws(ServerReportRefusal) {
        showsSubscriptions = try fields.flag("subs", "subscriptions")
        offset = max(0, try fields.integer("offset"))
        limit = try fields.integer("limit")
        if limit <= 0 { limit = 1024 }
        account = fields.text("acc", "account")
        test = fields.text("test")
        guard test.isEmpty || ReportFields.isLiteral(test) else {
            throw .bad("invalid test subject, must be valid publish subject: \(test)")
        }
    }
}

struct JetStreamOptions: Sendable {
    var account: String
    var showsAccounts: Bool
    var showsStreams: Bool
    var showsConsumers: Bool
    var showsConfig: Bool
    /// How much of it this server leads.
    var showsLeadership: Bool
    var offset: Int
    var limit: Int

    init(_ fields: ReportFields) throws(ServerReportRefusal) {
        account = fields.text("acc", "account")
        showsConsumers = try fields.flag("consumers", "consumer")
        showsStreams = try fields.flag("streams") || showsConsumers
        showsAccounts = try fields.flag("accounts") || showsStreams || !account.isEmpty
        showsConfig = try fields.flag("config")
        offset = max(0, try fields.integer("offset"))
        limit = try fields.integer("limit")
        if limit <= 0 { limit = 1024 }
        showsLeadership = try fields.flag("raft")
        for name in ["leader-only", "stream-leader-only", "direct-consumers"] {
            _ = try fields.flag(name, name.replacing("-", with: "_"))
        }
    }
}

struct HealthOptions: Sendable {
    var account: String
    var stream: String
    var consumer: String
    var showsDetails: Bool
    /// Only whether JetStream is on, not what it has.
    var isShallow: Bool
    /// System requests have no other place for it.
    var showsStatus: Bool

    init(_ fields: ReportFields) throws(ServerReportRefusal) {
        account = fields.text("account")
        stream = fields.text("stream")
        consumer = fields.text("consumer")
        showsDetails = try fields.flag("details")
        showsStatus = fields.isSystemRequest
        func flag(_ name: String) throws(ServerReportRefusal) -> Bool {
            try fields.flag(name, name.replacing("-", with: "_"))
        }
        let (isEnabledOnly, isServerOnly) = (try flag("js-enabled-only"), try flag("js-server-only"))
        let isEnabled = try flag("js-enabled")
        isShallow = isEnabledOnly || isServerOnly || isEnabled
        _ = try flag("js-meta-only")
    }
}

extension ServerReportRefusal {
    static func bad(_ text: String) -> ServerReportRefusal {
        ServerReportRefusal(status: 400, text: text)
    }

    static func malformed(_ text: String) -> ServerReportRefusal {
        ServerReportRefusal(status: 400, text: text, isMalformed: true)
    }
}
