import JSON
import ServerConfig

/// The account of a JWT in the words of the configuration, so that whoever builds accounts knows one
/// form only.
extension AccountOptions {
    init(_ token: SignedToken) throws(JWTFault) {
        self.init(name: token.subject)
        nkey = token.subject
        let claims = token.claims
        for element in try claims.list("exports") {
            exports.append(try ExportOptions(ClaimFields(element)))
        }
        for element in try claims.list("imports") {
            imports.append(try ImportOptions(ClaimFields(element)))
        }
        for member in try claims.members("mappings") {
            mappings.append(try MappingOptions(member))
        }
        defaultPermissions = try PermissionsOptions(claims: claims.fields("default_permissions"))
        let limits = try claims.fields("limits")
        self.limits.maximumConnections = try limits.integer("conn")
        self.limits.maximumSubscriptions = try limits.integer("subs")
        self.limits.maximumPayload = try limits.integer("payload")
        self.limits.maximumLeafNodes = try limits.integer("leaf")
        jetStream = try AccountJetStreamOptions(limits)
    }
}

extension ExportOptions {
    fileprivate init(_ claims: ClaimFields) throws(JWTFault) {
        let subject = try claims.text("subject")
        guard let kind = ShareKind(rawValue: try claims.text("type")), !subject.isEmpty else {
            throw .wrongField("exports")
        }
        self.init(kind: kind, subject: subject)
        // With a token it takes an activation, which no import without one has.
        if try claims.flag("token_req") { accounts = [] }
        let position = try claims.integer("account_token_position")
        if position > 0 { accountTokenPosition = Int(position) }
        switch try claims.text("response_type") {
        case "", "Singleton": response = .single
        case "Stream": response = .stream
        case "Chunked": response = .chunked
        default: throw .wrongField("response_type")
        }
        let threshold = try claims.integer("response_threshold")
        if threshold > 0 { responseThresholdNanoseconds = threshold }
        if claims.find("service_latency") != nil {
            let latency = try claims.fields("service_latency")
            // A number, or "headers" for 0.
            let sampling = latency.find("sampling")?.integer(Int.self) ?? 0
            self.latency = LatencyOptions(
                subject: try latency.text("results"), samplingPercent: sampling)
        }
        allowsTrace = try claims.flag("allow_trace")
    }
}

extension ImportOptions {
    fileprivate init(_ claims: ClaimFields) throws(JWTFault) {
        let subject = try claims.text("subject")
        let account = try claims.text("account")
        guard let kind = ShareKind(rawValue: try claims.text("type")), !subject.isEmpty,
            NKey(account, .account) != nil
        else { throw .wrongField("imports") }
        self.init(kind: kind, account: account, subject: subject)
        let local = try claims.text("local_subject")
        let to = try claims.text("to")
        if !local.isEmpty {
            self.to = local
        } else if !to.isEmpty {
            // `to` is the older field: of a stream it is what stands in front of the subject, of a
            // service the exporter's subject, and `subject` is the importer's.
            if kind == .stream { prefix = to } else { (self.subject, self.to) = (to, subject) }
        }
        shares = try claims.flag("share")
        allowsTrace = try claims.flag("allow_trace")
    }
}

extension MappingOptions {
    fileprivate init(_ member: JSONMember) throws(JWTFault) {
        guard let list = member.value.array else { throw .wrongField("mappings") }
        var destinations: [MappingDestination] = []
        for element in list {
            let claims = ClaimFields(element)
            let weight = try claims.integer("weight")
            guard 0...100 ~= weight else { throw .wrongField("weight") }
            let cluster = try claims.text("cluster")
            destinations.append(
                MappingDestination(
                    subject: try claims.text("subject"), weight: weight == 0 ? 100 : Int(weight),
                    cluster: cluster.isEmpty ? nil : cluster))
        }
        self.init(source: member.name, destinations: destinations)
    }
}

extension AccountJetStreamOptions {
    /// Nil where the account may keep nothing. Limits by tier count for the tier of one replica.
    fileprivate init?(_ limits: ClaimFields) throws(JWTFault) {
        var fields = limits
        let tiers = try limits.fields("tiered_limits")
        if tiers.find("R1") != nil { fields = try tiers.fields("R1") }
        self.init()
        maximumMemory = try fields.integer("mem_storage")
        maximumStorage = try fields.integer("disk_storage")
        if maximumMemory == 0, maximumStorage == 0 { return nil }
        let streams = try fields.integer("streams")
        maximumStreams = streams == 0 ? -1 : Int(streams)
        let consumers = try fields.integer("consumer")
        maximumConsumers = consumers == 0 ? -1 : Int(consumers)
        let pending = try fields.integer("max_ack_pending")
        maximumAckPending = pending == 0 ? -1 : Int(pending)
        maximumStreamBytesInMemory = max(0, try fields.integer("mem_max_stream_bytes"))
        maximumStreamBytesOnDisk = max(0, try fields.integer("disk_max_stream_bytes"))
        requiresMaximumBytes = try fields.flag("max_bytes_required")
    }
}

extension PermissionsOptions {
    /// `{pub: {allow, deny}, sub: {allow, deny}, resp: {max, ttl}}`; nil where nothing is said.
    init?(claims: ClaimFields) throws(JWTFault) {
        self.init()
        publish = try SubjectPermission(claims: claims.fields("pub"))
        subscribe = try SubjectPermission(claims: claims.fields("sub"))
        if claims.find("resp") != nil {
            let fields = try claims.fields("resp")
            var response = ResponsePermission()
            let maximum = try fields.integer("max")
            if maximum != 0 { response.maximumMessages = Int(maximum) }
            let expires = try fields.integer("ttl")
            if expires != 0 { response.expiresNanoseconds = expires }
            responses = response
        }
        if publish == nil, subscribe == nil, responses == nil { return nil }
    }
}

extension SubjectPermission {
    fileprivate init?(claims: ClaimFields) throws(JWTFault) {
        self.init(allow: try claims.texts("allow"), deny: try claims.texts("deny"))
        if allow.isEmpty, deny.isEmpty { return nil }
    }
}
