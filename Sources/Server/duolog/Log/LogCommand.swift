import Glibc
import Model
import Platform
import Storage

/// `duolog log ls|dump|verify <folder>`: looks at a data folder, beside a running server or without
/// one, and changes nothing.
///
/// Exit codes: 0, all is well; 1, something is damaged; 2, it was asked wrongly, or the folder cannot be
/// read. Described in docs/tools.md.
struct LogCommand {
    enum Verb: String { case ls, dump, verify }

    /// What was wrong with the command line.
    struct Misuse: Error { var text: String }

    var verb: Verb
    var folder: String
    /// Only the stream or topic of this name.
    var stream: String?
    /// Only the log with this number.
    var log: LogID?
    /// Only batches that reach this offset.
    var from = Offset(0)
    /// Stop after so many batches.
    var count = Int.max
    /// Print what the records hold.
    var printsRecords = false

    static let usage = """
        usage: duolog log ls <folder>               streams, their logs, segments and the write-ahead log
               duolog log dump <folder> [options]   batches, as kafka-dump-log prints them
                 --stream <name>, --log <number>    of one stream or topic, or of one log
                 --from <offset>, --count <number>  from an offset on; so many batches
                 --records                          their records too
               duolog log verify <folder>           compare everything with its checksums

        """

    /// Does what the arguments say where the first of them is `log`.
    ///
    /// - Returns: the exit code; nil where they are not for this command.
    static func run(_ arguments: [String]) -> Int32? {
        guard arguments.first == "log" else { return nil }
        if arguments.contains(where: { ["-h", "-help", "--help"].contains($0) }) {
            print(usage, terminator: "")
            return 0
        }
        do {
            let command = try LogCommand(Array(arguments.dropFirst()))
            return try command.run() ? 0 : 1
        } catch let misuse as Misuse {
            StandardError.write("duolog log: \(misuse.text)\n\(usage)")
        } catch {
            StandardError.write("duolog log: \(error)\n")
        }
        return 2
    }

    init(_ arguments: [String]) throws(Misuse) {
        var words: [String] = []
        var rest = arguments[...]
        func value(of option: String) throws(Misuse) -> String {
            guard let value = rest.popFirst() else { throw Misuse(text: "\(option) needs a value") }
            return value
        }
        func number(of option: String) throws(Misuse) -> Int64 {
            let text = try value(of: option)
            guard let number = Int64(text), number >= 0 else {
                throw Misuse(text: "\(option) needs a number, not '\(text)'")
            }
            return number
        }
        while let word = rest.popFirst() {
            switch word {
            case "--stream": stream = try value(of: word)
            case "--log":
                guard let number = UInt32(exactly: try number(of: word)) else {
                    throw Misuse(text: "there is no log of that number")
                }
                log = LogID(number)
            case "--from": from = Offset(try number(of: word))
            case "--count":
                count = Int(try number(of: word))
                if count == 0 { throw Misuse(text: "--count 0 is nothing") }
            case "--records": printsRecords = true
            default:
                if word.hasPrefix("-") { throw Misuse(text: "unknown option '\(word)'") }
                words.append(word)
            }
        }
        guard let name = words.first, let verb = Verb(rawValue: name) else {
            throw Misuse(text: words.isEmpty ? "what?" : "there is no '\(words[0])'")
        }
        guard words.count == 2 else { throw Misuse(text: "one folder, please") }
        self.verb = verb
        folder = words[1]
    }

    /// False when something is damaged.
    private func run() throws -> Bool {
        let inspection = try FolderInspection(directory: folder)
        let names = try StreamNames(inspection)
        switch verb {
        case .ls: return try LogListing(inspection, names).run()
        case .dump: return try LogDump(self, inspection, names).run()
        case .verify: return try LogVerification(inspection, names).run()
        }
    }
}

enum StandardError {
    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
