import Glibc
import Platform
import ServerConfig

/// The text of one line of the log.
enum LogLine {
    static func text(tag: String, _ message: String, _ options: LoggingOptions) -> String {
        guard options.showsTime else { return "[\(getpid())] [\(tag)] \(message)\n" }
        let (parts, nanoseconds) = now(options)
        let date = "\(parts.tm_year + 1900)/\(padded(parts.tm_mon + 1, 2))/\(padded(parts.tm_mday, 2))"
        let clock = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "[\(getpid())] \(date) \(clock).\(padded(nanoseconds / 1_000, 6)) [\(tag)] \(message)\n"
    }

    /// What a file that is put aside is called behind its name: `2026.11.23.01.05.02.047165283`.
    static func backupSuffix(_ options: LoggingOptions) -> String {
        let (parts, nanoseconds) = now(options)
        let numbers = [parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded($0, 2) }
        return (["\(parts.tm_year + 1900)"] + numbers + [padded(nanoseconds, 9)]).joined(separator: ".")
    }

    private static func now(_ options: LoggingOptions) -> (tm, nanoseconds: Int) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        if options.usesUTC { gmtime_r(&time.tv_sec, &parts) } else { localtime_r(&time.tv_sec, &parts) }
        return (parts, time.tv_nsec)
    }

    private static func padded(_ number: some BinaryInteger, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// Log files that were put aside.
enum LogBackups {
    /// Removes the oldest, so that with the one in use no more than `count` are left; 0 keeps all.
    ///
    /// - Returns: the names of those removed.
    static func purge(_ path: String, keeping count: Int) -> [String] {
        guard count > 0 else { return [] }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? "./"
        let prefix = (slash.map { String(path[path.index(after: $0)...]) } ?? path) + "."
        // The time is part of the name, so that names sort by age.
        let backups = ((try? LocalFileSystem().list(folder)) ?? [])
            .filter { $0.hasPrefix(prefix) && isSuffix($0.dropFirst(prefix.count)) }.sorted()
        let surplus = backups.prefix(max(0, backups.count - (count - 1)))
        return surplus.filter { unlink(folder + $0) == 0 }
    }

    private static func isSuffix(_ text: some StringProtocol) -> Bool {
        text.split(separator: ".").count == 7 && text.allSatisfy { $0.isNumber || $0 == "." }
    }
}
