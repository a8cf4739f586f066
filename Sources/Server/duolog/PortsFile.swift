import Glibc
import JSON

/// A file `<program>_<pid>.ports` that says where the server listens, for tests and scripts that ask for free ports.
///
///     {"nats":["nats://127.0.0.1:40001"],"monitoring":["http://127.0.0.1:40002"],"kafka":["127.0.0.1:40003"]}
struct PortsFile {
    let path: String

    /// - Throws: `FileFailure`.
    init(
        directory: String, program: String, nats: [String], monitoring: [String], kafka: [String]
    ) throws {
        path = "\(directory)/\(program)_\(getpid()).ports"
        var json = JSONWriter()
        json.beginObject()
        for (name, addresses) in [("nats", nats), ("monitoring", monitoring), ("kafka", kafka)]
        where !addresses.isEmpty {
            json.field(name, .array(addresses.map(JSONValue.string)))
        }
        json.endObject()
        // Written aside and renamed, so that nobody reads half of it.
        try SmallFile.write(json.bytes, to: path + ".new", mode: 0o644)
        guard rename(path + ".new", path) == 0 else { throw FileFailure(path: path, code: errno) }
    }

    func remove() { unlink(path) }
}

struct FileFailure: Error, CustomStringConvertible {
    var path: String
    var code: Int32

    var description: String { "\(path): \(String(cString: strerror(code)))" }
}

enum SmallFile {
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw FileFailure(path: path, code: errno) }
        defer { close(file) }
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else {
            throw FileFailure(path: path, code: errno)
        }
    }
}
