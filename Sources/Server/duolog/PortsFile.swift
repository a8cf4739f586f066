import Glibc
import JSON

/// A file `<program>_<pid>.ports` that says where the server listens, for tests and scripts that ask for free ports.
///
///     {"nats":["nats://127.0.0.1:40001"],"monitoring":["http://127.0.0.1:40002"],"kafka":["127.0.0.1:40003"]}
struct PortsFile {
    let path: String

    /// - Parameter addresses: by the kind of port, in the order of the file. Kinds without addresses are left out.
    /// - Throws: `FileFailure`.
    init(
        directory: String, program: String, _ addresses: [(kind: String, addresses: [String])]
    ) throws(FileFailure) {
        path = "\(directory)/\(program)_\(getpid()).ports"
        var json = JSONWriter()
        json.beginObject()
        for (kind, addresses) in addresses where !addresses.isEmpty {
            json.field(kind, .array(addresses.map(JSONValue.string)))
        }
        json.endObject()
        // Written aside and renamed, so that nobody reads half of it.
        try SmallFile.write(json.bytes, to: path + ".new", mode: 0o644)
        guard rename(path + ".new", path) == 0 else { throw FileFailure(path: path, code: errno) }
    }

    func remove() { unlink(path) }
}
