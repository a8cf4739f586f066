/// What happened in a run, as one number: two runs of a seed that differ anywhere differ here.
///
/// With ``keepsLines`` the story itself is kept, for a person who looks for the cause of a failure.
public final class Trace {
    public private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    public private(set) var eventCount = 0
    public private(set) var lines: [String] = []
    public let keepsLines: Bool

    public init(keepsLines: Bool = false) { self.keepsLines = keepsLines }

    /// An event of a kind with its numbers. `line` is only made where lines are kept.
    @inline(__always)
    func add(
        _ kind: UInt64, _ first: Int, _ second: Int, _ line: @autoclosure () -> String
    ) {
        eventCount += 1
        mix(kind)
        mix(UInt64(bitPattern: Int64(first)))
        mix(UInt64(bitPattern: Int64(second)))
        if keepsLines { lines.append(line()) }
    }

    @inline(__always)
    private func mix(_ value: UInt64) {
        hash = (hash ^ value) &* 0x0000_0100_0000_01B3
        hash ^= hash >> 29
    }
}
