/// The same numbers for the same seed. Source: SplitMix64, Steele, Lea, Flood (2014).
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// A generator of its own, so that more draws here change nothing there.
    public mutating func fork() -> SeededRandom { SeededRandom(next()) }

    /// From 0 up to, not including, `limit`; 0 where that is 0.
    public mutating func below(_ limit: Int) -> Int {
        limit > 0 ? Int(next() % UInt64(limit)) : 0
    }

    /// True once in `count` times; never where that is 0.
    public mutating func oneIn(_ count: Int) -> Bool { count > 0 && below(count) == 0 }

    public mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    /// Small numbers often, large ones now and then, up to `limit`.
    public mutating func skewed(_ limit: Int) -> Int {
        below(1 + below(1 + below(limit + 1)))
    }
}
