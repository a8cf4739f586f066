import Accounts
import Platform
import ServerConfig

/// The JWTs of accounts as files `<public key>.jwt`, as nats-server's full resolver keeps them.
///
/// A file is written beside its place and moved there when it is on the disk, so that there is
/// always a whole one. For worker threads: it waits for the disk.
final class AccountFolder: Sendable {
    private let options: DirectoryResolverOptions
    private let files: any FileSystem

    static let suffix = ".jwt"

    init(
        _ options: DirectoryResolverOptions, files: any FileSystem = LocalFileSystem()
    ) throws(SystemError) {
        self.options = options
        self.files = files
        try files.createDirectory(options.directory)
    }

    var allowsDelete: Bool { options.allowsDelete }

    /// Nil where there is no such file.
    func load(_ account: NKey) throws(SystemError) -> String? {
        let file: any FileHandle
        do { file = try files.open(path(account), .readOnly) } catch {
            if error.isMissing { return nil }
            throw error
        }
        let byteCount = min(try file.byteCount(), SignedToken.maximumByteCount)
        let bytes = try file.read(at: 0, byteCount: byteCount)
        return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    }

    /// Durable when it returns.
    ///
    /// - Returns: false where the folder holds as many as it may.
    func save(_ jwt: String, of account: NKey) throws(SystemError) -> Bool {
        if options.limit > 0 {
            let names = try list()
            guard names.contains(account.text) || names.count < Int(clamping: options.limit) else {
                return false
            }
        }
        let place = path(account)
        let beside = place + ".tmp"
        let bytes = Array(jwt.utf8)
        let file = try files.open(beside, .create)
        try file.truncate(byteCount: 0)
        try file.writeFully(bytes.span.bytes, at: 0)
        try file.synchronize()
        try files.rename(beside, to: place)
        try files.synchronizeDirectory(options.directory)
        return true
    }

    /// Takes the file away, or puts it aside as `.jwt.deleted` where it is not to be gone for good.
    ///
    /// - Returns: whether there was one.
    func remove(_ account: NKey) throws(SystemError) -> Bool {
        guard try list().contains(account.text) else { return false }
        let place = path(account)
        if options.deletesForGood {
            try files.remove(place)
        } else {
            try files.rename(place, to: place + ".deleted")
        }
        try files.synchronizeDirectory(options.directory)
        return true
    }

    /// The public keys of all accounts, in alphabetical order.
    func list() throws(SystemError) -> [String] {
        try files.list(options.directory)
            .filter { $0.hasSuffix(Self.suffix) }
            .map { String($0.dropLast(Self.suffix.count)) }
            .filter { NKey($0, .account) != nil }
            .sorted()
    }

    /// The name is a key, so it cannot lead elsewhere.
    private func path(_ account: NKey) -> String {
        "\(options.directory)/\(account.text)\(Self.suffix)"
    }
}
