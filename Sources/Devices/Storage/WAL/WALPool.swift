import Platform

/// Files of the log that are not needed any more and wait to be used again, so that new ones need
/// no space and no zeros: `<number>.free`, the number being the one that they had.
///
/// What is still in them never verifies under another number. Used by the thread that makes files
/// and by the one that gives them up.
final class WALPool: Sendable {
    let limit: Int
    private let monitor = Monitor()
    private let state = Guarded()

    private final class Guarded: @unchecked Sendable {
        var names: [String] = []
    }

    init(limit: Int) { self.limit = limit }

    static func name(_ number: UInt64) -> String { String(WALFile.name(number).dropLast(4)) + ".free" }

    static func isName(_ name: String) -> Bool {
        name.hasSuffix(".free") && WALFile.number(ofName: String(name.dropLast(5)) + ".wal") != nil
    }

    var count: Int { monitor.withLock { state.names.count } }

    /// Whether there is room for one more.
    var isOpen: Bool { count < limit }

    func add(_ name: String) { monitor.withLock { state.names.append(name) } }

    func take() -> String? { monitor.withLock { state.names.popLast() } }
}
