import Glibc
import Logging
import ServerConfig
import Synchronization

/// Where log lines go: standard error, or a file that grows up to a limit and is then put aside. Any thread.
final class LogSink: Sendable {
    private struct State {
        var options: LoggingOptions
        var descriptor: Int32
        var byteCount: Int64
    }

    private let state: Mutex<State>
    private let levels: Atomic<Int>

    /// - Throws: `FileFailure` where the log file cannot be opened.
    init(_ options: LoggingOptions) throws(FileFailure) {
        let file = try Self.open(options)
        state = Mutex(State(options: options, descriptor: file.descriptor, byteCount: file.byteCount))
        levels = Atomic(Self.level(options))
    }

    func makeLogger(label: String) -> Logger {
        Logger(label: label) { _ in ServerLogHandler(sink: self) }
    }

    var level: Logger.Level { Logger.Level.allCases[levels.load(ordering: .relaxed)] }

    private static func level(_ options: LoggingOptions) -> Int {
        let level: Logger.Level = options.trace ? .trace : options.debug ? .debug : .info
        return Logger.Level.allCases.firstIndex(of: level)!
    }

    /// Takes new options while the server runs.
    ///
    /// - Throws: `FileFailure` where the new file cannot be opened; then nothing has changed.
    func reload(_ options: LoggingOptions) throws(FileFailure) {
        try state.withLock { state throws(FileFailure) in
            if options.file != state.options.file {
                let file = try Self.open(options)
                Self.close(state)
                (state.descriptor, state.byteCount) = file
            }
            state.options = options
        }
        levels.store(Self.level(options), ordering: .relaxed)
    }

    /// Opens the file by its name again, after somebody moved it away.
    ///
    /// - Returns: false if lines do not go to a file.
    /// - Throws: `FileFailure`; then lines still go to the old one.
    func reopen() throws(FileFailure) -> Bool {
        try state.withLock { state throws(FileFailure) in
            guard state.options.file != nil else { return false }
            let file = try Self.open(state.options)
            Self.close(state)
            (state.descriptor, state.byteCount) = file
            return true
        }
    }

    func write(tag: String, _ message: String) {
        state.withLock { state in
            Self.append(LogLine.text(tag: tag, message, state.options), to: &state)
            let limit = state.options.fileSizeLimit
            guard limit > 0, state.byteCount > limit, let path = state.options.file else { return }
            for (tag, message) in Self.rotate(path, &state) {
                Self.append(LogLine.text(tag: tag, message, state.options), to: &state)
            }
        }
    }

    /// One write a line, so that lines of several processes never mix.
    private static func append(_ line: String, to state: inout State) {
        var bytes = Array(line.utf8)
        let count = Glibc.write(state.descriptor, &bytes, bytes.count)
        if count > 0 { state.byteCount += Int64(count) }
    }

    /// Puts the file aside and begins a new one.
    ///
    /// - Returns: what to say of it in the new one.
    private static func rotate(_ path: String, _ state: inout State) -> [(tag: String, message: String)] {
        let backup = "\(path).\(LogLine.backupSuffix(state.options))"
        guard rename(path, backup) == 0 else {
            // Not again until as much has been written.
            state.byteCount = 0
            return [("ERR", "Unable to rotate log file \"\(path)\": \(String(cString: strerror(errno)))")]
        }
        do throws(FileFailure) {
            let file = try open(state.options)
            close(state)
            (state.descriptor, state.byteCount) = file
        } catch {
            // The old file goes on under its new name.
            state.byteCount = 0
            return [("ERR", "Unable to open a new log file: \(error)")]
        }
        var lines = [("INF", "Rotated log, backup saved as \"\(backup)\"")]
        for name in LogBackups.purge(path, keeping: state.options.maximumFileCount) {
            lines.append(("INF", "Purged log file \"\(name)\""))
        }
        return lines
    }

    private static func open(_ options: LoggingOptions) throws(FileFailure) -> (descriptor: Int32, byteCount: Int64) {
        guard let path = options.file else { return (STDERR_FILENO, 0) }
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw FileFailure(path: path, code: errno) }
        return (descriptor, Int64(max(0, lseek(descriptor, 0, SEEK_END))))
    }

    private static func close(_ state: State) {
        if state.descriptor != STDERR_FILENO { Glibc.close(state.descriptor) }
    }
}
