import Storage

/// A log's durability class: how surely what happens to it is kept when it is acknowledged and shown to readers.
///
/// All classes share the one write-ahead log, and a crash takes away nothing but its end. So whatever is kept
/// follows only from what is kept, too: no consumer is ahead of its messages, and no message id is known without
/// its message. Why, and what each class loses: docs/decisions/0025-three-durability-classes.md.
public enum Durability: Hashable, Sendable {
    /// It is on the device.
    case sync
    /// It is in its file, where the end of the process does not touch it; on the device after so many nanoseconds,
    /// or with the record that makes it so many records.
    case interval(nanoseconds: Int64, recordCount: Int64)
    /// It is in memory, and gone after the next start.
    case memory

    /// What an acknowledgement waits for.
    var assurance: Assurance {
        switch self {
        case .sync: .device
        case .interval: .file
        case .memory: .memory
        }
    }

    /// What the write-ahead log is asked for each frame.
    var frame: FrameDurability {
        switch self {
        case .sync: .sync
        case .interval(.max, _), .memory: .never
        case .interval(let nanoseconds, _): .within(nanoseconds: nanoseconds)
        }
    }
}

/// How far something has got on its way to the disk.
public enum Assurance: Comparable, Sendable {
    /// Decided.
    case memory
    /// Written, so that it survives the end of the process.
    case file
    /// Synced, so that it survives the end of the machine.
    case device
}
