/// The names of a disk: as processes see them, as they are on the device, and what lies between.
struct Names {
    private enum Change {
        case link(String, Inode)
        case unlink(String)
        case rename(String, String, Inode)

        var folder: String {
            switch self {
            case .link(let path, _), .unlink(let path), .rename(let path, _, _):
                Names.folder(of: path)
            }
        }
    }

    private(set) var current: [String: Inode] = [:]
    private var durable: [String: Inode] = [:]
    /// Since the last sync of their folder, in order.
    private var pending: [Change] = []

    /// All that a process can open, in a fixed order.
    var inodes: [Inode] { current.values.sorted { $0.number < $1.number } }

    mutating func link(_ path: String, _ inode: Inode) { change(.link(path, inode)) }

    mutating func unlink(_ path: String) { change(.unlink(path)) }

    mutating func rename(_ path: String, to newPath: String) {
        change(.rename(path, newPath, current[path]!))
    }

    private mutating func change(_ change: Change) {
        Self.apply(change, to: &current)
        pending.append(change)
    }

    mutating func synchronize(folder: String) {
        for change in pending where change.folder == folder { Self.apply(change, to: &durable) }
        pending.removeAll { $0.folder == folder }
    }

    /// The journal of a file system keeps the changes up to some moment; POSIX would allow any.
    mutating func losePower(_ random: inout SeededRandom, inAnyOrder: Bool) {
        let limit = random.oneIn(2) ? pending.count : random.below(pending.count + 1)
        for (index, change) in pending.enumerated()
        where inAnyOrder ? random.oneIn(2) : index < limit {
            Self.apply(change, to: &durable)
        }
        pending = []
        current = durable
    }

    private static func apply(_ change: Change, to names: inout [String: Inode]) {
        switch change {
        case .link(let path, let inode): names[path] = inode
        case .unlink(let path): names[path] = nil
        case .rename(let path, let newPath, let inode):
            names[path] = nil
            names[newPath] = inode
        }
    }

    static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
}
