/// 4,096 sequences of a ledger: for each the number of its subject and its size.
///
/// Open while it fills; then sealed, which packs both columns for good. What is removed is marked in a bitmap. A
/// sealed chunk with little left keeps only that, each message with its place; one with nothing left keeps nothing.
///
///     open ──► dense ──► sparse ──► empty
struct LedgerChunk: Sendable {
    static let capacity = 4096

    /// The columns of a sealed chunk, shared by all copies of it.
    private final class Sealed: Sendable {
        let numbers: PackedColumn
        let sizes: PackedColumn
        /// The place of each entry, rising; empty where entries are places.
        let places: [UInt16]

        init(numbers: PackedColumn, sizes: PackedColumn, places: [UInt16]) {
            self.numbers = numbers
            self.sizes = sizes
            self.places = places
        }

        @inline(__always)
        func place(_ entry: Int) -> Int { places.isEmpty ? entry : Int(places[entry]) }

        /// The first entry at `place` or behind it.
        @inline(__always)
        func entry(from place: Int) -> Int {
            if places.isEmpty { return min(place, numbers.count) }
            var (low, high) = (0, places.count)
            while low < high {
                let middle = (low + high) / 2
                if Int(places[middle]) < place { low = middle + 1 } else { high = middle }
            }
            return low
        }
    }

    private var openNumbers: [UInt32] = []
    private var openSizes: [UInt32] = []
    private var sealed: Sealed?
    /// One bit for each entry that is gone; empty while none is.
    private(set) var gone: [UInt64] = []
    /// How far the next message of the same subject is, 0 for "not known"; shorter than the others, or empty.
    private var links: [UInt32] = []
    /// How many sequences it has: `capacity` unless it is the last one.
    private(set) var count = 0
    private(set) var liveCount = 0

    var isFull: Bool { count == Self.capacity }

    init() {}

    /// Sequences that hold nothing.
    init(emptyPlaceCount: Int) {
        count = emptyPlaceCount
        guard !isFull, count > 0 else { return }
        openNumbers = Array(repeating: 0, count: count)
        openSizes = openNumbers
        for entry in 0..<count { markGone(entry) }
    }

    /// What a snapshot kept. The columns have as many entries as there are places, or as `places` has.
    init(
        count: Int, liveCount: Int, numbers: PackedColumn, sizes: PackedColumn, places: [UInt16],
        gone: [UInt64]
    ) {
        self.count = count
        self.liveCount = liveCount
        self.gone = gone
        if count == Self.capacity {
            sealed = Sealed(numbers: numbers, sizes: sizes, places: places)
        } else {
            openNumbers = (0..<numbers.count).map { numbers[$0] }
            openSizes = (0..<sizes.count).map { sizes[$0] }
            if !gone.isEmpty, gone.count < Self.capacity / 64 {
                self.gone += Array(repeating: 0, count: Self.capacity / 64 - gone.count)
            }
        }
    }

    /// Both columns as a snapshot keeps them.
    var storedColumns: (numbers: PackedColumn, sizes: PackedColumn) {
        if let sealed { return (sealed.numbers, sealed.sizes) }
        return (PackedColumn(openNumbers), PackedColumn(openSizes))
    }

    /// The place of each entry where entries are not places.
    var storedPlaces: [UInt16] { sealed?.places ?? [] }

    // MARK: Reading

    /// Nil where there is nothing.
    @inline(__always)
    func number(at place: Int) -> UInt32? {
        guard let entry = entry(at: place) else { return nil }
        return sealed?.numbers[entry] ?? openNumbers[entry]
    }

    func size(at place: Int) -> UInt32? {
        guard let entry = entry(at: place) else { return nil }
        return sealed?.sizes[entry] ?? openSizes[entry]
    }

    func link(at place: Int) -> UInt32? {
        guard let entry = entry(at: place), entry < links.count, links[entry] > 0 else { return nil }
        return links[entry]
    }

    /// The first place in `range` whose number `isWanted`.
    @inline(__always)
    func firstPlace(in range: Range<Int>, where isWanted: (UInt32) -> Bool) -> Int? {
        guard liveCount > 0 else { return nil }
        guard let sealed else {
            for entry in range where !isGone(entry) && isWanted(openNumbers[entry]) { return entry }
            return nil
        }
        var entry = sealed.entry(from: range.lowerBound)
        let end = sealed.entry(from: range.upperBound)
        while entry < end {
            if !isGone(entry), isWanted(sealed.numbers[entry]) { return sealed.place(entry) }
            entry += 1
        }
        return nil
    }

    /// The last place in `range` whose number `isWanted`.
    @inline(__always)
    func lastPlace(in range: Range<Int>, where isWanted: (UInt32) -> Bool) -> Int? {
        guard liveCount > 0 else { return nil }
        guard let sealed else {
            for entry in range.reversed() where !isGone(entry) && isWanted(openNumbers[entry]) {
                return entry
            }
            return nil
        }
        let start = sealed.entry(from: range.lowerBound)
        var entry = sealed.entry(from: range.upperBound)
        while entry > start {
            entry -= 1
            if !isGone(entry), isWanted(sealed.numbers[entry]) { return sealed.place(entry) }
        }
        return nil
    }

    /// Calls `body` with each number in `range`.
    @inline(__always)
    func forEachNumber(in range: Range<Int>, _ body: (UInt32) -> Void) {
        guard liveCount > 0 else { return }
        guard let sealed else {
            for entry in range where !isGone(entry) { body(openNumbers[entry]) }
            return
        }
        for entry in sealed.entry(from: range.lowerBound)..<sealed.entry(from: range.upperBound)
        where !isGone(entry) {
            body(sealed.numbers[entry])
        }
    }

    /// Calls `body` with place and packed size of each message in `range`.
    @inline(__always)
    func forEachSize(in range: Range<Int>, _ body: (Int, UInt32) -> Void) {
        guard liveCount > 0 else { return }
        guard let sealed else {
            for entry in range where !isGone(entry) { body(entry, openSizes[entry]) }
            return
        }
        for entry in sealed.entry(from: range.lowerBound)..<sealed.entry(from: range.upperBound)
        where !isGone(entry) {
            body(sealed.place(entry), sealed.sizes[entry])
        }
    }

    /// How many messages there are in `range`.
    func liveCount(in range: Range<Int>) -> Int {
        if liveCount == 0 { return 0 }
        if range.count == count { return liveCount }
        let start = sealed?.entry(from: range.lowerBound) ?? range.lowerBound
        let end = sealed?.entry(from: range.upperBound) ?? range.upperBound
        var total = end - start
        if gone.isEmpty { return total }
        for entry in start..<end where isGone(entry) { total -= 1 }
        return total
    }

    /// Whether it may hold the number: false only where it certainly does not.
    @inline(__always)
    func mayHold(_ number: UInt32) -> Bool {
        guard liveCount > 0 else { return false }
        guard let numbers = sealed?.numbers else { return true }
        return number >= numbers.least && number <= numbers.bound
    }

    // MARK: Changing

    mutating func append(number: UInt32, size: UInt32) {
        openNumbers.append(number)
        openSizes.append(size)
        count += 1
        liveCount += 1
        if isFull { seal() }
    }

    mutating func appendGap() {
        // Any number would do; one that is here anyway keeps the packed columns narrow.
        openNumbers.append(openNumbers.last ?? 0)
        openSizes.append(openSizes.last ?? 0)
        markGone(count)
        count += 1
        if isFull { seal() }
    }

    /// Takes out the message at `place`, which must be there.
    mutating func remove(at place: Int) {
        guard let entry = entry(at: place) else {
            preconditionFailure("there is no message at place \(place)")
        }
        markGone(entry)
        liveCount -= 1
        guard let sealed else { return }
        if liveCount == 0 || liveCount * 8 <= sealed.numbers.count { pack() }
    }

    mutating func setLink(_ distance: UInt32, at place: Int) {
        guard let entry = entry(at: place) else { return }
        if entry >= links.count {
            if links.isEmpty { links.reserveCapacity(openNumbers.capacity) }
            links.append(contentsOf: repeatElement(0, count: entry + 1 - links.count))
        }
        links[entry] = distance
    }

    /// The entry of the message at `place`; nil where there is none.
    @inline(__always)
    private func entry(at place: Int) -> Int? {
        guard liveCount > 0 else { return nil }
        guard let sealed, !sealed.places.isEmpty else { return isGone(place) ? nil : place }
        let entry = sealed.entry(from: place)
        guard entry < sealed.places.count, Int(sealed.places[entry]) == place, !isGone(entry) else {
            return nil
        }
        return entry
    }

    @inline(__always)
    private func isGone(_ entry: Int) -> Bool {
        !gone.isEmpty && gone[entry >> 6] & (1 << UInt64(entry & 63)) != 0
    }

    private mutating func markGone(_ entry: Int) {
        if gone.isEmpty {
            gone = Array(repeating: 0, count: ((sealed?.numbers.count ?? Self.capacity) + 63) / 64)
        }
        gone[entry >> 6] |= 1 << UInt64(entry & 63)
    }

    private mutating func seal() {
        if liveCount * 8 <= Self.capacity { return pack() }
        sealed = Sealed(
            numbers: PackedColumn(openNumbers), sizes: PackedColumn(openSizes), places: [])
        openNumbers = []
        openSizes = []
    }

    /// Keeps what is left and nothing else.
    private mutating func pack() {
        var numbers: [UInt32] = []
        var sizes: [UInt32] = []
        var places: [UInt16] = []
        var leftLinks: [UInt32] = []
        let entryCount = sealed?.numbers.count ?? openNumbers.count
        for entry in 0..<entryCount where liveCount > 0 && !isGone(entry) {
            places.append(UInt16(sealed?.place(entry) ?? entry))
            numbers.append(sealed?.numbers[entry] ?? openNumbers[entry])
            sizes.append(sealed?.sizes[entry] ?? openSizes[entry])
            if !links.isEmpty { leftLinks.append(entry < links.count ? links[entry] : 0) }
        }
        sealed = liveCount == 0
            ? nil
            : Sealed(numbers: PackedColumn(numbers), sizes: PackedColumn(sizes), places: places)
        openNumbers = []
        openSizes = []
        gone = []
        links = leftLinks
    }
}
