import Catalog

/// A topic's settings as Kafka shows them.
enum TopicConfigs {
    struct Entry {
        var name: String
        var value: String
        var defaultValue: String
        /// 1 set for the topic, 5 the default.
        var source: Int8
        /// 1 boolean, 2 string, 3 int, 5 long, 6 double, 7 list.
        var type: Int8
        var isReadOnly: Bool
    }

    static let setSource: Int8 = 1
    static let defaultSource: Int8 = 5

    /// - Parameter flushMilliseconds: `flush.ms` where nobody has set it.
    static func entries(of config: [String: String], flushMilliseconds: Int64 = 0) -> [Entry] {
        TopicSettings.all.map { setting in
            let defaultValue =
                setting.name == "flush.ms" ? String(flushMilliseconds) : setting.defaultValue
            return Entry(
                name: setting.name, value: config[setting.name] ?? defaultValue,
                defaultValue: defaultValue,
                source: config[setting.name] == nil ? defaultSource : setSource,
                type: type(of: setting.kind),
                isReadOnly: setting.name == TopicSettings.subjectName)
        }
    }

    private static func type(of kind: TopicSettings.Kind) -> Int8 {
        switch kind {
        case .boolean: 1
        case .string: 2
        case .int: 3
        case .long: 5
        case .double: 6
        case .list: 7
        }
    }
}
