/// How surely a frame has to be on the device.
///
/// A group of frames is synced when one of them asks for it, and with it everything before it. So
/// a class is a promise at least, and often more is kept.
public enum FrameDurability: Hashable, Sendable {
    /// Synced at once: ``WriteAheadLog/durableMark`` passes it after one `fdatasync`.
    case sync
    /// Written at once, and synced when so much time has passed.
    case within(nanoseconds: Int64)
    /// Written at once, and synced when something else is, or when the log is idle. A file is synced
    /// in any case before the next one is written to.
    case never

    /// How long its sync may wait, in nanoseconds.
    var patience: Int64 {
        switch self {
        case .sync: 0
        case .within(let nanoseconds): max(nanoseconds, 0)
        case .never: .max
        }
    }
}
