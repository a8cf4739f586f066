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
    /// Asks the write-ahead log to sync what it wrote without.
    let requestSync: @Sendable () -> Void
    /// Gives a file back to the disk that was only kept to be used again; false where there is none.
    let giveUpReserve: @Sendable () -> Bool
    /// As it is in its file.
    private(set) var manifest: Manifest
    /// The number of the next segment file. One that was given out is not given again, so that a
    /// manifest that may or may not be in place never names a file that means something else.
    private var nextFile: UInt64

    init(
        fileSystem: any FileSystem, folderPath: String, folderID: [UInt8], time: TimeSource,
        manifest: Manifest, durableMark: @escaping @Sendable () -> UInt64,
        requestSync: @escaping @Sendable () -> Void,
        giveUpReserve: @escaping @Sendable () -> Bool
    ) {
        self.fileSystem = fileSystem
        self.folderPath = folderPath
        self.folderID = folderID
        self.time = time
        self.manifest = manifest
        nextFile = manifest.nextFile
        self.durableMark = durableMark
        self.requestSync = requestSync
        self.giveUpReserve = giveUpReserve
    }

    /// Whether the write-ahead log is durable up to `mark`; asks for a sync where it is not. What
    /// machines decided to take away is only taken away once it is sure that they will remember.
    func isDurable(_ mark: UInt64) -> Bool {
        if durableMark() >= mark { return true }
        requestSync()
        return false
    }

    var segmentFolder: String { folderPath + "/segments" }

    mutating func takeFileNumber() -> UInt64 {
        defer { nextFile += 1 }
        return nextFile
    }

    /// Makes the names of segment files durable, before a manifest names them.
    func synchronizeSegmentFolder() throws(StorageError) {
        do { try fileSystem.synchronizeDirectory(segmentFolder) } catch { throw .from(error) }
    }

    /// The manifest is not from its file: all that are written from now on say where the write-ahead log ended then.
    mutating func manifestIsRemade(at position: WALPosition) { manifest.remadeAt = position }

    /// The switch: what `new` says is true when this returns, also after a crash.
    ///
    /// - Throws: `storageFull`, `failed`. The manifest before may be in its place or the new one:
    ///   the next attempt begins with the one before, and names no file twice.
    mutating func put(_ new: Manifest) throws(StorageError) {
        var new = new
        new.nextFile = nextFile
        try new.write(
            to: segmentFolder, folderID: folderID, created: time.now(), on: fileSystem)
        manifest = new
    }
}

/// What the loop is told of finished work.
enum BackgroundOutcome: Sendable {
    case snapshot(id: UInt64, Result<Int, StorageError>)
    case rolledUp(ManifestSwitch, end: WALPosition)
    case rolledUpAhead(Result<ManifestSwitch, StorageError>)
    case switched(ManifestSwitch)
    case rewritten(id: UInt64, Result<ManifestSwitch, StorageError>)
    /// What of it could not be read.
    case scanned(id: UInt64, Result<ScanJob.Outcome, StorageError>)
    case merged(Result<ManifestSwitch, StorageError>)
    case released(through: UInt64, pooled: Int)
    case removed
}
