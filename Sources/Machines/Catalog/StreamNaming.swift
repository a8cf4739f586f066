/// What one protocol calls the things that the other has made.
public enum StreamNaming {
    /// The account of everything that no other account was named for.
    public static let globalAccount = "$G"

    /// Kafka's rule: 1 to 249 of `[a-zA-Z0-9._-]`, neither `.` nor `..`.
    public static func isLegalTopicName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (1...249).contains(bytes.count), name != ".", name != ".." else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }

    /// The name under which two topics collide: `.` and `_` are the same there, as in Kafka.
    public static func collisionName(_ topic: String) -> String {
        String(topic.map { $0 == "." ? "_" : $0 })
    }

    /// What JetStream calls the log of one partition: the topic's name with `_` for `.`, and `@partition` behind it
    /// where there are several. `@` is legal there and illegal in Kafka, so the names cannot collide.
    public static func streamName(topic: String, partition: Int, of partitionCount: Int) -> String {
        let base = collisionName(topic)
        return partitionCount == 1 ? base : "\(base)@\(partition)"
    }

    /// The subject of a topic's records without a key, and what the subjects of the others begin with.
    ///
    /// The topic's `.` becomes `_`, so that the subjects of a topic `a` never contain those of a topic `a.b`.
    public static func subject(ofTopic topic: String, prefix: String) -> String {
        "\(prefix).\(collisionName(topic))"
    }
}
