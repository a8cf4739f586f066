import Glibc
import ServerConfig

extension ConfigSurroundings {
    /// The files and the environment of this process.
    static let system = ConfigSurroundings(
        readFile: { path throws(FileUnreadable) in
            do throws(FileFailure) { return try SmallFile.read(path) } catch {
                throw FileUnreadable("open \(path): \(String(cString: strerror(error.code)).lowercasedFirst)")
            }
        },
        variable: { name in getenv(name).map { String(cString: $0) } })
}

extension String {
    /// As Go writes what the system says.
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
