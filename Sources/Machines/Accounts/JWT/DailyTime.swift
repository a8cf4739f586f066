/// From when to when of each day somebody may be connected; the end may be on the day after.
///
/// Source: nats-server 2.15, `validateTimes`.
public struct DailyTime: Hashable, Sendable {
    /// Seconds since midnight.
    private let start: Int64
    private let end: Int64

    private static let day: Int64 = 86_400

    /// `hh:mm:ss` each.
    public init?(start: String, end: String) {
        guard let start = Self.parse(start), let end = Self.parse(end) else { return nil }
        self.start = start
        self.end = end
    }

    /// How many seconds are left of the time at `second` of the day; nil outside it.
    func secondsLeft(at second: Int64) -> Int64? {
        if start <= end { return start <= second && second < end ? end - second : nil }
        if second >= start { return end + Self.day - second }
        return second < end ? end - second : nil
    }

    private static func parse(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isNumber) }),
            let hour = Int64(parts[0]), let minute = Int64(parts[1]), let second = Int64(parts[2]),
            hour < 24, minute < 60, second < 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }
}
