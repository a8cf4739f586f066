/// Durations as nats-server writes them.
public enum DurationText {
    /// As Go prints a duration: `1h2m3.5s`, `1.5ms`, `723µs`, `0s`.
    public static func exact(nanoseconds: Int64) -> String {
        if nanoseconds == 0 { return "0s" }
        let sign = nanoseconds < 0 ? "-" : ""
        let value = nanoseconds.magnitude
        switch value {
        case ..<1_000: return "\(sign)\(value)ns"
        case ..<1_000_000: return sign + decimal(value, 1_000) + "µs"
        case ..<1_000_000_000: return sign + decimal(value, 1_000_000) + "ms"
        default: break
        }
        let minute: UInt64 = 60_000_000_000
        let hour = 60 * minute
        var text = sign
        if value >= hour { text += "\(value / hour)h" }
        if value >= minute { text += "\(value % hour / minute)m" }
        return text + decimal(value % minute, 1_000_000_000) + "s"
    }

    /// Whole seconds in years of 365 days, days, hours, minutes and seconds, without the larger
    /// units that are 0: `1d2h3m4s`.
    public static func uptime(nanoseconds: Int64) -> String {
        let seconds = max(0, nanoseconds) / 1_000_000_000
        let units = [
            (seconds / 31_536_000, "y"), (seconds / 86_400 % 365, "d"),
            (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"),
        ]
        let large = units.drop { $0.0 == 0 }.map { "\($0.0)\($0.1)" }.joined()
        return large + "\(seconds % 60)s"
    }

    /// `value` in that unit, with as many decimals as it needs.
    private static func decimal(_ value: UInt64, _ unit: UInt64) -> String {
        let whole = "\(value / unit)"
        var rest = value % unit
        if rest == 0 { return whole }
        var digits = ""
        var place = unit / 10
        while rest > 0 {
            digits += "\(rest / place)"
            rest %= place
            place /= 10
        }
        return "\(whole).\(digits)"
    }
}
