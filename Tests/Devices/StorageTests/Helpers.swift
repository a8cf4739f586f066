import Bytes
import Model
import Platform
import Storage
import Synchronization

struct SeenFrame: Equatable {
    var header: FrameHeader
    var payload: [UInt8]
    var position: WALPosition
}

/// Opens the log in a folder, replays it and says what came.
func open(
    _ path: String, _ options: WriteAheadLog.Options = .init()
) throws -> (log: WriteAheadLog, frames: [SeenFrame], report: ReplayReport) {
    let log = try WriteAheadLog(directory: path, options: options)
    var frames: [SeenFrame] = []
    let report = try log.replay { header, payload, position in
        frames.append(
            SeenFrame(header: header, payload: Array(copying: payload), position: position))
    }
    return (log, frames, report)
}

func header(_ offset: Int64, kind: FrameKind = .batch, log: UInt32 = 7) -> FrameHeader {
    FrameHeader(
        kind: kind, log: LogID(log), epoch: 3, baseOffset: Offset(offset),
        lastOffset: Offset(offset), appendTime: Timestamp(nanoseconds: 1_000 + offset))
}

/// Bytes that tell their frame and their place apart.
func payload(_ seed: Int, byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed &* 17 &+ $0 >> 8 &+ 1) }
}

extension WriteAheadLog {
    @discardableResult
    func append(_ header: FrameHeader, _ bytes: [UInt8]) throws -> WALPosition {
        try append(header, bytes.span.bytes)
    }
}

/// Options for a disk in memory with small files.
func options(_ fileSystem: MemoryFileSystem) -> WriteAheadLog.Options {
    var options = WriteAheadLog.Options()
    options.fileSystem = fileSystem
    options.fileByteCount = 64 << 10
    return options
}

/// The path of a file of the log in folder `/data`.
func logPath(_ number: Int) -> String {
    let digits = String(number)
    return "/data/wal/" + String(repeating: "0", count: 20 - digits.count) + digits + ".wal"
}

/// A clock that stands still until it is told.
final class TestClock: Sendable {
    private let nanoseconds = Atomic<Int64>(1_000_000_000)

    func advance(nanoseconds count: Int64) { nanoseconds.add(count, ordering: .relaxed) }

    var source: TimeSource {
        TimeSource(
            now: { Timestamp(nanoseconds: self.nanoseconds.load(ordering: .relaxed)) },
            monotonicNanoseconds: { self.nanoseconds.load(ordering: .relaxed) })
    }
}
