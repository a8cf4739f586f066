import Platform

extension FileSystem {
    /// Keeps a damaged file for people, under a name that nothing reads: `<file>.damaged`, and where there is one already
    /// `<file>.2.damaged` and so on.
    ///
    /// The caller synchronizes the folder.
    func keepAside(_ path: String) throws(SystemError) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let taken = Set(try list(String(path[..<slash])))
        let name = String(path[slash...].dropFirst())
        var (kept, number) = (name + ".damaged", 2)
        while taken.contains(kept) {
            kept = "\(name).\(number).damaged"
            number += 1
        }
        try rename(path, to: path[..<slash] + "/" + kept)
    }
}
