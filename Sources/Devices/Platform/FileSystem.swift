/// The files of one machine, as Storage sees them.
///
/// ``LocalFileSystem`` is the real one. Tests and the simulation put their own in its place, so
/// everything that a disk can do wrong has to be expressible here: each call may throw, and reads
/// and writes may be short.
public protocol FileSystem: Sendable {
    /// Makes the folder and those above it; one that exists already is fine.
    func createDirectory(_ path: String) throws(SystemError)
    /// The names in a folder, in no order, without `.` and `..`.
    func list(_ path: String) throws(SystemError) -> [String]
    func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle
    func remove(_ path: String) throws(SystemError)
    func rename(_ path: String, to newPath: String) throws(SystemError)
    /// Makes creations, renames and removals in the folder durable.
    func synchronizeDirectory(_ path: String) throws(SystemError)
    /// Takes the advisory lock on the file at `path`, creating it where it is missing; never waits.
    func lock(_ path: String) throws(SystemError) -> FileLockOutcome
}

public enum FileOpenMode: Sendable {
    case readOnly
    case readWrite
    /// Read and write; created empty when missing, kept as it is when there.
    case create
}

/// An open file. Offsets and counts are in bytes; calls may come from several threads.
public protocol FileHandle: AnyObject, Sendable {
    func byteCount() throws(SystemError) -> Int
    /// Reads at most as much as `bytes` holds; 0 at the end of the file.
    func read(at offset: Int, into bytes: inout MutableRawSpan) throws(SystemError) -> Int
    /// Writes a first part of `bytes` and says how long it was.
    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) -> Int
    /// Makes sure that writes below `byteCount` cannot run out of space; the file is as long
    /// afterwards.
    func reserve(byteCount: Int) throws(SystemError)
    func truncate(byteCount: Int) throws(SystemError)
    /// The next stretch of the file, at or after `offset`, that may hold other bytes than zero; nil
    /// when there is none.
    func nextData(from offset: Int) throws(SystemError) -> Range<Int>?
    /// Content, and what is needed to reach it, is on the device when this returns.
    func synchronize() throws(SystemError)
    /// Begins to write a stretch to the device without waiting, so that a later ``synchronize()``
    /// has little left to do. Promises nothing.
    func startWriting(_ range: Range<Int>)
    /// For `sendfile`; valid as long as the handle lives.
    var descriptor: Int32 { get }
}

/// Keeps the lock until it is released or the process ends, however it ends.
public protocol FileLock: AnyObject, Sendable {
    func release()
}

public enum FileLockOutcome: Sendable {
    case acquired(any FileLock)
    /// Someone else has it; the process id is what they wrote into the file.
    case held(byProcess: Int32?)
}

extension FileHandle {
    public func startWriting(_ range: Range<Int>) {}

    /// Reads until `bytes` is full or the file ends, and says how many bytes came.
    public func readFully(
        at offset: Int, into bytes: inout MutableRawSpan
    ) throws(SystemError) -> Int {
        var done = 0
        while done < bytes.byteCount {
            var rest = bytes._mutatingExtracting(done..<bytes.byteCount)
            let count = try read(at: offset + done, into: &rest)
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// The bytes at `offset`, fewer where the file ends before.
    public func read(at offset: Int, byteCount: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var elements = bytes.mutableSpan
        var span = elements.mutableBytes
        let count = try readFully(at: offset, into: &span)
        if count < byteCount { bytes.removeLast(byteCount - count) }
        return bytes
    }

    public func writeFully(_ bytes: RawSpan, at offset: Int) throws(SystemError) {
        var done = 0
        while done < bytes.byteCount {
            done += try write(bytes.extracting(done..<bytes.byteCount), at: offset + done)
        }
    }
}
