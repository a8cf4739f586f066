public import Model
public import Platform

/// What Storage could not do.
public enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Another server works on this data folder. Nothing was touched.
    case inUse(path: String, process: Int32?)
    /// The data folder was written by a later version of the server. Nothing was touched.
    case newerFormat(path: String, found: Int, supported: Int)
    /// The file that says what this folder is cannot be read as such. Nothing was touched.
    case notADataFolder(path: String, reason: String)
    /// Frames were given up that snapshots alone have, and none of them can be used. Nothing was touched.
    /// `firstLogFile` is nil where the log has no files.
    case snapshotsLost(folder: String, firstLogFile: UInt64?)
    /// No room for more; what was appended before is safe. Asked again after space came back, it
    /// works again.
    case storageFull(SystemError)
    /// One frame larger than ``WriteAheadLog/Options/maximumPayloadByteCount``.
    case frameTooLarge(byteCount: Int, limit: Int)
    /// What is stored there is not what was written, or no frame begins there.
    case damaged(path: String, offset: Int)
    /// The batch was deleted or rewritten since it was found.
    case gone(log: LogID, offset: Offset)
    /// The device said no.
    case failed(SystemError)
    /// After ``WriteAheadLog/close()``, or after a write failed.
    case closed

    public var description: String {
        switch self {
        case .inUse(let path, let process):
            let owner = process.map { "process \($0)" } ?? "another process"
            return "data folder \(path) is in use by \(owner)"
        case .newerFormat(let path, let found, let supported):
            return "data folder \(path) has format \(found), but this version knows formats up to "
                + "\(supported): use a newer version"
        case .notADataFolder(let path, let reason): return "\(path): \(reason)"
        case .snapshotsLost(let folder, let firstLogFile):
            return "no snapshot in \(folder) can be used, and the write-ahead log "
                + (firstLogFile.map { "begins with file \($0)" } ?? "has no files")
                + ": which streams there are is not known. Put a snapshot back"
        case .storageFull(let error): return "storage is full: \(error)"
        case .frameTooLarge(let byteCount, let limit):
            return "\(byteCount) bytes are more than the \(limit) that one frame may have"
        case .damaged(let path, let offset): return "\(path) is damaged at offset \(offset)"
        case .gone(let log, let offset):
            return "offset \(offset.value) of log \(log.value) is not there any more"
        case .failed(let error): return "\(error)"
        case .closed: return "the log is closed"
        }
    }

    static func from(_ error: SystemError) -> StorageError {
        error.isOutOfSpace ? .storageFull(error) : .failed(error)
    }
}
