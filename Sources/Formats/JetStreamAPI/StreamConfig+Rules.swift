import Subjects

/// The API level that this server answers with, and the version that its answers name.
public enum APILevel {
    public static let level = 5
    public static let version = "2.15.1"
}

/// Limits of names and texts.
public enum ConfigLimits {
    public static let nameByteCount = 255
    public static let descriptionByteCount = 4096
    public static let metadataByteCount = 131_072
    /// How many consumers a stream may have whose own limit is not set.
    public static let consumersPerStream = 1000
}

extension StreamConfigRequest {
    /// Checks the rules of one configuration by itself and gives it with all defaults filled in.
    ///
    /// Overlap with other streams is the catalog's to check.
    /// - Throws: what nats-server answers, in its order.
    public func validated(nameInSubject: String) throws(JetStreamError) -> StreamConfig {
        guard config.name == nameInSubject else { throw .streamMismatch }
        return try validated(isUpdate: false)
    }

    fileprivate func validated(isUpdate: Bool) throws(JetStreamError) -> StreamConfig {
        var config = config
        try config.checkName()
        try config.checkTexts()
        if config.replicas > 5 { throw .invalidConfig("maximum replicas is 5") }
        if config.replicas < 0 { throw .negativeReplicas }
        if !unsupported.isEmpty {
            if unsupported.contains("mirror"), !config.subjects.isEmpty {
                throw .mirrorWithSubjects
            }
            throw .invalidConfig(
                "not supported by this server: \(unsupported.sorted().joined(separator: ", "))")
        }
        if config.mirrorDirect {
            throw .invalidConfig("stream has no mirror but does have mirror direct")
        }
        try config.checkDurations(pedantic: pedantic)
        config.fillDefaults()
        try config.checkSwitches(isUpdate: isUpdate)
        try config.checkSubjects()
        if config.replicas > 1 { throw .replicasNotSupported }
        return config
    }

    /// Checks that `current` may become this, and gives the new configuration.
    public func validatedUpdate(
        of current: StreamConfig, nameInSubject: String
    ) throws(JetStreamError) -> StreamConfig {
        try config.checkName()
        guard config.name == nameInSubject else { throw .streamMismatch }
        var next = try validated(isUpdate: true)
        if next.storage != current.storage {
            throw .invalidConfig("stream configuration update can not change storage type")
        }
        if next.retention != current.retention,
            next.retention == .workqueue || current.retention == .workqueue
        {
            throw .invalidConfig(
                "stream configuration update can not change retention policy to/from workqueue")
        }
        if current.denyDelete, !next.denyDelete {
            throw .invalidConfig(
                "stream configuration update can not cancel deny message deletes")
        }
        if current.denyPurge, !next.denyPurge {
            throw .invalidConfig("stream configuration update can not cancel deny purge")
        }
        if next.sealed {
            // Sealing implies the rest, whatever the request says.
            next.discard = .new
            next.denyDelete = true
            next.denyPurge = true
            next.allowRollup = false
            next.maxAge = 0
        }
        if current.sealed, !next.sealed {
            throw .invalidConfig("stream configuration update can not unseal a sealed stream")
        }
        if current.allowMessageTTL, !next.allowMessageTTL {
            throw .invalidConfig("message TTL status can not be disabled")
        }
        if next.persistence != current.persistence {
            throw .invalidConfig("stream configuration update can not change persist mode")
        }
        // The first sequence counts only when a stream is made.
        next.firstSequence = current.firstSequence
        return next
    }
}

extension StreamConfig {
    /// Whether a repeated create asks for the same stream. What the server itself adds does not count.
    public func isSame(as other: StreamConfig) -> Bool {
        var (one, two) = (self, other)
        one.metadata = one.metadata.filter { !$0.key.hasPrefix("_nats.") }
        two.metadata = two.metadata.filter { !$0.key.hasPrefix("_nats.") }
        return one == two
    }

    /// The same with what the server tells about itself in answers.
    public var announced: StreamConfig {
        var config = self
        config.metadata.announceServer()
        return config
    }

    public var subjectFilters: [SubjectFilter] { subjects.compactMap { SubjectFilter($0) } }

    public var consumerLimit: Int {
        maxConsumers > 0 ? maxConsumers : ConfigLimits.consumersPerStream
    }

    mutating func fillDefaults() {
        if subjects.isEmpty { subjects = [name] }
        if replicas == 0 { replicas = 1 }
        if maxConsumers <= 0 { maxConsumers = -1 }
        if maxMessages <= 0 { maxMessages = -1 }
        if maxBytes <= 0 { maxBytes = -1 }
        if maxMessagesPerSubject <= 0 { maxMessagesPerSubject = -1 }
        if maxMessageSize <= 0 { maxMessageSize = -1 }
        if duplicateWindow == 0 {
            duplicateWindow = maxAge > 0 ? min(maxAge, 120_000_000_000) : 120_000_000_000
        }
        metadata["_nats.req.level"] = metadata["_nats.req.level"] ?? String(requiredLevel)
    }

    private var requiredLevel: Int { persistence == .async ? 2 : allowMessageTTL ? 1 : 0 }

    fileprivate func checkName() throws(JetStreamError) {
        if name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
            throw .streamNamePath
        }
        if !isLegalName(name) {
            throw .invalidConfig(
                "stream name is required and can not contain '.', '*', '>', '\\', '/'")
        }
        if name.utf8.count > ConfigLimits.nameByteCount {
            throw .invalidConfig(
                "stream name is too long, maximum allowed is \(ConfigLimits.nameByteCount)")
        }
    }

    fileprivate func checkTexts() throws(JetStreamError) {
        if description.utf8.count > ConfigLimits.descriptionByteCount {
            throw .invalidConfig(
                "stream description is too long, maximum allowed is "
                    + "\(ConfigLimits.descriptionByteCount)")
        }
        if metadata.byteCount > ConfigLimits.metadataByteCount {
            throw .invalidConfig(
                "stream metadata exceeds maximum size of \(ConfigLimits.metadataByteCount) bytes")
        }
        if let placement, !placement.preferred.isEmpty {
            throw .invalidConfig("preferred server not permitted in placement")
        }
    }

    fileprivate func checkDurations(pedantic: Bool) throws(JetStreamError) {
        let hundredMilliseconds: Int64 = 100_000_000
        if maxAge < 0 { throw .invalidConfig("max age can not be negative") }
        // Sequences are offsets plus one, and offsets have 63 bits: room is left for all that may follow.
        if firstSequence > 1 << 62 { throw .invalidConfig("first sequence is too large") }
        if maxAge != 0, maxAge < hundredMilliseconds {
            throw .invalidConfig("max age needs to be >= 100ms")
        }
        if pedantic, maxAge != 0, duplicateWindow == 0, maxAge < 120_000_000_000 {
            throw .pedantic("duplicate window cannot be bigger than max age")
        }
        if duplicateWindow < 0 { throw .invalidConfig("duplicates window can not be negative") }
        if maxAge != 0, duplicateWindow > maxAge {
            throw .invalidConfig("duplicates window can not be larger then max age")
        }
        if duplicateWindow != 0, duplicateWindow < hundredMilliseconds {
            throw .invalidConfig("duplicates window needs to be >= 100ms")
        }
    }

    fileprivate func checkSwitches(isUpdate: Bool) throws(JetStreamError) {
        if sealed, !isUpdate {
            throw .invalidConfig("stream configuration for create can not be sealed")
        }
        if persistence == .async, storage == .memory {
            throw .invalidConfig("async persist mode is only supported on file storage")
        }
        if persistence == .async, replicas > 1 {
            throw .invalidConfig("async persist mode is not supported on replicated streams")
        }
        if denyPurge, allowRollup, !sealed {
            throw .invalidConfig("roll-ups require the purge permission")
        }
        if discardNewPerSubject {
            if discard != .new {
                throw .invalidConfig(
                    "discard new per subject requires discard new policy to be set")
            }
            if maxMessagesPerSubject <= 0 {
                throw .invalidConfig(
                    "discard new per subject requires max msgs per subject > 0")
            }
        }
    }

    fileprivate func checkSubjects() throws(JetStreamError) {
        var seen: [SubjectFilter] = []
        for subject in subjects {
            guard let filter = SubjectFilter(subject) else {
                throw .invalidConfig("invalid subject")
            }
            if !noAck {
                if filter.matchesEverything {
                    throw .invalidConfig("capturing all subjects requires no-ack to be true")
                }
                if filter.overlapsAny(of: ["$JS.>", "$JSC.>", "$NRG.>"]),
                    !filter.isInside("$JS.EVENT.>")
                {
                    throw .invalidConfig(
                        "subjects that overlap with jetstream api require no-ack to be true")
                }
                if filter.overlapsAny(of: ["$SYS.>"]), !filter.isInside("$SYS.ACCOUNT.>") {
                    throw .invalidConfig(
                        "subjects that overlap with system api require no-ack to be true")
                }
            }
            for other in seen where other.overlaps(filter) {
                throw .invalidConfig("subject \"\(other.text)\" overlaps with \"\(filter.text)\"")
            }
            seen.append(filter)
        }
    }
}

/// Whether a stream or a consumer may be called this, path separators aside.
public func isLegalName(_ name: String) -> Bool {
    !name.isEmpty
        && !name.utf8.contains { byte in
            switch byte {
            case UInt8(ascii: "."), UInt8(ascii: "*"), UInt8(ascii: ">"), UInt8(ascii: "/"),
                UInt8(ascii: "\\"), 0...0x20, 0x7F:
                true
            default: false
            }
        }
}

extension [String: String] {
    var byteCount: Int { reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }

    mutating func announceServer() {
        self["_nats.level"] = String(APILevel.level)
        self["_nats.ver"] = APILevel.version
    }
}

extension SubjectFilter {
    fileprivate func overlapsAny(of texts: [String]) -> Bool {
        texts.contains { SubjectFilter($0).map(overlaps) ?? false }
    }

    fileprivate func isInside(_ text: String) -> Bool {
        SubjectFilter(text)?.contains(self) ?? false
    }
}
