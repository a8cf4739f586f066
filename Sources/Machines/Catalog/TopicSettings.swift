/// The settings of a topic: Kafka's names, types, defaults and bounds, and our own `duolog.subject`.
///
/// One default is not Kafka's: `flush.ms` is 0, as every acknowledgement waits for the disk unless it is set.
///
/// Source: Kafka documentation, "Topic Configs".
public struct TopicSettings: Sendable {
    /// Names another subject than `kafka.<topic>` for the topic's records; fixed at creation.
    public static let subjectName = "duolog.subject"

    public enum Kind: Sendable {
        case boolean, string, int, long, double, list
    }

    public struct Setting: Sendable {
        public var name: String
        public var kind: Kind
        public var defaultValue: String
        var isLegal: @Sendable (String) -> Bool
    }

    public enum Refusal: Error, Equatable, Sendable {
        case unknown(String)
        case badValue(name: String, value: String)
    }

    public static let all: [Setting] = [
        list("cleanup.policy", "delete", among: ["delete", "compact"]),
        text("compression.type", "producer", among: ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        long("delete.retention.ms", "86400000", from: 0),
        long("file.delete.delay.ms", "60000", from: 0),
        long("flush.messages", "9223372036854775807", from: 1),
        long("flush.ms", "0", from: 0),
        int("index.interval.bytes", "4096", from: 0),
        long("local.retention.bytes", "-2", from: -2),
        long("local.retention.ms", "-2", from: -2),
        int("max.message.bytes", "1048588", from: 0),
        long("max.compaction.lag.ms", "9223372036854775807", from: 1),
        long("message.timestamp.after.max.ms", "3600000", from: 0),
        long("message.timestamp.before.max.ms", "9223372036854775807", from: 0),
        text("message.timestamp.type", "CreateTime", among: ["CreateTime", "LogAppendTime"]),
        double("min.cleanable.dirty.ratio", "0.5", 0...1),
        long("min.compaction.lag.ms", "0", from: 0),
        int("min.insync.replicas", "1", from: 1),
        boolean("preallocate", "false"),
        // There is no other storage; a topic that was promised it must not be taken for one that has it.
        Setting(name: "remote.storage.enable", kind: .boolean, defaultValue: "false") { $0 == "false" },
        long("retention.bytes", "-1", from: -1),
        long("retention.ms", "604800000", from: -1),
        int("segment.bytes", "1073741824", from: 14),
        int("segment.index.bytes", "10485760", from: 4),
        long("segment.jitter.ms", "0", from: 0),
        long("segment.ms", "604800000", from: 1),
        boolean("unclean.leader.election.enable", "false"),
        Setting(name: subjectName, kind: .string, defaultValue: "", isLegal: { _ in true }),
    ]

    /// Settings of older Kafka versions that scripts still send; accepted and without effect.
    public static let ignored: Set<String> = [
        "message.format.version", "message.downconversion.enable",
        "leader.replication.throttled.replicas", "follower.replication.throttled.replicas",
        "message.timestamp.difference.max.ms", "compression.gzip.level", "compression.lz4.level",
        "compression.zstd.level",
    ]

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    public static func validate(_ config: [String: String]) throws(Refusal) {
        for (name, value) in config.sorted(by: { $0.key < $1.key }) where !ignored.contains(name) {
            guard let setting = byName[name] else { throw .unknown(name) }
            guard setting.isLegal(value) else { throw .badValue(name: name, value: value) }
        }
        let settings = TopicSettings(config)
        if let least = settings.integer("min.compaction.lag.ms"), let most = settings.integer("max.compaction.lag.ms"), least > most {
            throw .badValue(name: "min.compaction.lag.ms", value: "\(least)")
        }
    }

    private let config: [String: String]

    public init(_ config: [String: String]) { self.config = config }

    /// What is in force for `name`: what was set, or the default.
    public func value(_ name: String) -> String? { config[name] ?? Self.byName[name]?.defaultValue }

    /// What was set for `name`, nil where the default is in force.
    public func set(_ name: String) -> String? { config[name] }

    public func integer(_ name: String) -> Int64? { value(name).flatMap { Int64($0) } }

    /// Whether the log, not the producer, dates the records.
    public var usesAppendTime: Bool { value("message.timestamp.type") == "LogAppendTime" }

    /// Whether every record needs a key.
    public var isCompacted: Bool { (value("cleanup.policy") ?? "").contains("compact") }

    /// Whether records go when they are too old or too many.
    public var deletesOld: Bool { (value("cleanup.policy") ?? "").contains("delete") }

    private static func boolean(_ name: String, _ value: String) -> Setting {
        Setting(name: name, kind: .boolean, defaultValue: value) { $0 == "true" || $0 == "false" }
    }

    private static func text(_ name: String, _ value: String, among legal: [String]) -> Setting {
        Setting(name: name, kind: .string, defaultValue: value) { legal.contains($0) }
    }

    private static func list(_ name: String, _ value: String, among legal: [String]) -> Setting {
        Setting(name: name, kind: .list, defaultValue: value) { text in
            text.split(separator: ",").allSatisfy { part in
                legal.contains { $0 == part.trimmed }
            }
        }
    }

    private static func int(_ name: String, _ value: String, from least: Int32) -> Setting {
        Setting(name: name, kind: .int, defaultValue: value) { text in
            Int32(text).map { $0 >= least } ?? false
        }
    }

    private static func long(_ name: String, _ value: String, from least: Int64) -> Setting {
        Setting(name: name, kind: .long, defaultValue: value) { text in
            Int64(text).map { $0 >= least } ?? false
        }
    }

    private static func double(
        _ name: String, _ value: String, _ range: ClosedRange<Double>
    ) -> Setting {
        Setting(name: name, kind: .double, defaultValue: value) { text in
            Double(text).map { range.contains($0) } ?? false
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
