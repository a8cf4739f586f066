/// Small integers in as few bits as they need: the distance of each from the least of them.
///
/// Equal values take no space at all. Never changed once made, so copies share it. Reading one costs two loads.
struct PackedColumn: Sendable {
    let count: Int
    let least: UInt32
    let bitWidth: Int
    /// The values, lowest bits first, and one word that is only there to be read past the end.
    private let words: [UInt64]

    init(_ values: [UInt32]) {
        let least = values.min() ?? 0
        let width = UInt32.bitWidth - ((values.max() ?? 0) - least).leadingZeroBitCount
        count = values.count
        self.least = least
        bitWidth = width
        guard width > 0 else {
            words = []
            return
        }
        var words = [UInt64](repeating: 0, count: (values.count * width + 63) / 64 + 1)
        var bit = 0
        for value in values {
            let distance = UInt64(value - least)
            words[bit >> 6] |= distance << UInt64(bit & 63)
            let used = 64 - (bit & 63)
            if used < width { words[bit >> 6 + 1] |= distance >> UInt64(used) }
            bit += width
        }
        self.words = words
    }

    /// What a snapshot kept: nil where the words are not as many as the others ask for.
    init?(count: Int, least: UInt32, bitWidth: Int, words: [UInt64]) {
        let wordCount = bitWidth == 0 ? 0 : (count * bitWidth + 63) / 64
        guard (0...32).contains(bitWidth), words.count == wordCount else { return nil }
        self.count = count
        self.least = least
        self.bitWidth = bitWidth
        self.words = bitWidth == 0 ? [] : words + [0]
    }

    /// The words that a snapshot keeps.
    var storedWords: ArraySlice<UInt64> { words.dropLast() }

    @inline(__always)
    subscript(place: Int) -> UInt32 {
        if bitWidth == 0 { return least }
        let bit = place &* bitWidth
        let shift = UInt64(truncatingIfNeeded: bit & 63)
        let low = words[bit >> 6] &>> shift
        // Shifting by 64 gives 0 here.
        let high = words[bit >> 6 &+ 1] << (64 &- shift)
        let mask = UInt64(1) &<< UInt64(truncatingIfNeeded: bitWidth) &- 1
        return least &+ UInt32(truncatingIfNeeded: (low | high) & mask)
    }

    /// The largest value that could be in here.
    var bound: UInt32 {
        least &+ UInt32(truncatingIfNeeded: UInt64(1) << UInt64(bitWidth) - 1)
    }
}
