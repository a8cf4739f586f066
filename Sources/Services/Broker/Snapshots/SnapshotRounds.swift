import Model
import Storage

/// When the next round of snapshots is due, and what became of the last ones.
///
/// A round writes everything as it is at one position of the write-ahead log. Rounds take turns with two sets of files, so
/// that one whole set is there at any time, and the log since the older one: a damaged file falls back to the other set.
struct SnapshotRounds {
    /// What a set of files holds: nil while it was never whole.
    var positions: [WALPosition?] = [nil, nil]
    /// The set that the next round writes.
    var next = 0
    /// The round that is under way.
    var current: Round?
    /// ``WriteAheadLog/appendedMark`` when the last round began.
    var lastMark: UInt64 = 0
    /// How many bytes the last round wrote.
    var lastByteCount = 0

    struct Round {
        var set: Int
        var position: WALPosition
        /// Files that are being written.
        var openCount = 0
        var byteCount = 0
        var failure: StorageError?
        var core: CoreSnapshot
    }

    /// A round costs at most an eighth of what was appended since the one before, as long as that is not too much to replay.
    static let bytesPerSnapshotByte = 8
    static let longestInterval = 256 << 20

    /// How much is appended between the beginnings of two rounds.
    func interval(shortest: Int) -> UInt64 {
        UInt64(max(shortest, min(lastByteCount * Self.bytesPerSnapshotByte, Self.longestInterval)))
    }

    /// What both sets hold: the write-ahead log before it is not needed for the machines any more.
    var heldPosition: WALPosition? {
        guard let one = positions[0], let other = positions[1] else { return nil }
        return min(one, other)
    }
}
