import Platform

/// A piece of work off the loop, done in steps so that others come in between and a test can do
/// one step at a time.
///
/// A job changes files only; what the loop has to know comes back as a ``BackgroundOutcome``.
protocol BackgroundJob: AnyObject {
    var urgency: BackgroundUrgency { get }

    /// Does a little, some milliseconds long.
    ///
    /// - Throws: what the device said. Everything that was begun has to be begun again, or is given
    ///   up: see ``failed(_:_:)``.
    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress

    /// Takes away what is half done.
    ///
    /// - Returns: what to tell the loop; nil to begin again after a pause.
    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome?
}

/// The more urgent job goes first, between any two steps.
enum BackgroundUrgency: Int, Comparable {
    case release, snapshot, rollUp, delete, rewrite, merge

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

enum BackgroundProgress {
    case more
    /// Something else has to happen first; to be asked again a little later.
    case waiting
    case done(BackgroundOutcome)
}

/// What jobs work with. Touched by whoever runs the steps and by nobody else.
struct BackgroundContext {
    let fileSystem: any FileSystem
    let folderPath: String
    let folderID: [UInt8]
    let time: TimeSource
    /// How far the write-ahead log is durable, in its own marks.
    let durableMark: @Sendable () -> UInt64
}

/// What the loop is told of finished work.
enum BackgroundOutcome: Sendable {
    case snapshot(id: UInt64, Result<Int, StorageError>)
}
