import Bytes

/// The subjects that a stream holds messages of, each with a small number and its totals.
///
/// A number is free again once the last message of its subject is gone; its generation then tells a later owner from
/// an earlier one. Looking up a known subject costs one hash and no allocation. A subject costs 32 bytes here, about 12
/// in the ``SubjectIndex``, and its text and some 6 bytes in the ``SubjectArena``. All three are kept in pages, so that
/// a copy of the table stays cheap while the original goes on changing.
struct SubjectTable: Sendable {
    private struct Entry: Sendable {
        /// 0 for a number that is free.
        var count: UInt64
        /// At most the first message's sequence: exact once ``StreamLedger`` has looked.
        var first: UInt64
        /// At least the last message's sequence: exact unless `isLastStale`.
        var last: UInt64
        var location: SubjectArena.Location
        /// How often the number was given away, shifted left by one; the lowest bit is `isLastStale`.
        var generationAndStale: UInt32

        var isLastStale: Bool {
            get { generationAndStale & 1 != 0 }
            set { generationAndStale = generationAndStale & ~1 | (newValue ? 1 : 0) }
        }
    }

    private var pages: [[Entry]] = []
    /// How many numbers were given out: all numbers are below.
    private(set) var numberCount = 0
    private(set) var liveCount = 0
    private var freeNumbers: [UInt32] = []
    /// Not given out before all numbers of the snapshot are there.
    private var restoredFreeNumbers: [UInt32] = []
    private var arena = SubjectArena()
    private var index = SubjectIndex()
    /// The generation of numbers that are given out for the first time.
    private var firstGeneration: UInt32 = 0
    private var lastGeneration: UInt32 = 0

    static let pageNumberCount = 1 << pageShift
    private static let pageShift = 10
    private static let pageMask = 1 << pageShift - 1

    // MARK: Reading

    /// The number of `subject`, if the stream holds a message of it.
    func number(of subject: RawSpan) -> UInt32? {
        index.number(hash: SubjectIndex.hash(subject)) { number in
            arena.withSubject(at: self[number].location) { $0.hasSameBytes(as: subject) }
        }
    }

    func count(of number: UInt32) -> UInt64 { self[number].count }

    /// At most the sequence of the first message.
    func firstBound(of number: UInt32) -> UInt64 { self[number].first }

    /// At least the sequence of the last message; exact where ``isLastExact(of:)``.
    func lastBound(of number: UInt32) -> UInt64 { self[number].last }

    func isLastExact(of number: UInt32) -> Bool { !self[number].isLastStale }

    /// How often the number was given away, in 31 bits.
    func generation(of number: UInt32) -> UInt32 { self[number].generationAndStale >> 1 }

    @inline(__always)
    func withSubject<Result>(of number: UInt32, _ body: (RawSpan) -> Result) -> Result {
        arena.withSubject(at: self[number].location, body)
    }

    func subject(of number: UInt32) -> [UInt8] { withSubject(of: number) { Array(copying: $0) } }

    // MARK: Changing

    /// Counts one more message of `subject`, the last one of the stream.
    ///
    /// - Returns: its number and the bound of the last message before; 0 where there was none.
    mutating func append(_ subject: RawSpan, sequence: UInt64) -> (number: UInt32, before: UInt64) {
        let hash = SubjectIndex.hash(subject)
        let known = index.number(hash: hash) { number in
            arena.withSubject(at: self[number].location) { $0.hasSameBytes(as: subject) }
        }
        guard let known else {
            return (insert(subject, hash: hash, count: 1, first: sequence, last: sequence), 0)
        }
        let (page, place) = Self.position(known)
        let before = pages[page][place].last
        pages[page][place].count += 1
        pages[page][place].last = sequence
        pages[page][place].isLastStale = false
        return (known, before)
    }

    /// One message less of a subject.
    mutating func remove(_ number: UInt32, sequence: UInt64) {
        let (page, place) = Self.position(number)
        pages[page][place].count -= 1
        if pages[page][place].count == 0 { return free(number) }
        if pages[page][place].last == sequence { pages[page][place].isLastStale = true }
        if pages[page][place].count == 1, !pages[page][place].isLastStale {
            pages[page][place].first = pages[page][place].last
        } else if pages[page][place].first == sequence {
            pages[page][place].first = sequence + 1
        }
    }

    mutating func setFirst(_ number: UInt32, _ sequence: UInt64) {
        let (page, place) = Self.position(number)
        pages[page][place].first = sequence
    }

    mutating func setLast(_ number: UInt32, _ sequence: UInt64) {
        let (page, place) = Self.position(number)
        pages[page][place].last = sequence
        pages[page][place].isLastStale = false
    }

    /// Nothing is left of any subject.
    mutating func removeAll() {
        let next = (lastGeneration &+ 1) & (.max >> 1)
        self = SubjectTable()
        firstGeneration = next
        lastGeneration = next
    }

    // MARK: Snapshots

    /// The next number of a snapshot, in order.
    mutating func restore(_ subject: RawSpan, count: UInt64, first: UInt64, last: UInt64, isLastStale: Bool) {
        let number = insert(
            subject, hash: SubjectIndex.hash(subject), count: count, first: first, last: last)
        let (page, place) = Self.position(number)
        pages[page][place].isLastStale = isLastStale
    }

    /// The next number of a snapshot was free.
    mutating func restoreFree() {
        let number = UInt32(numberCount)
        place(
            Entry(count: 0, first: 0, last: 0, location: 0, generationAndStale: firstGeneration << 1),
            at: number)
        restoredFreeNumbers.append(number)
    }

    mutating func finishRestoring() {
        freeNumbers = restoredFreeNumbers
        restoredFreeNumbers = []
    }

    /// A subject that is not here yet.
    private mutating func insert(
        _ subject: RawSpan, hash: UInt32, count: UInt64, first: UInt64, last: UInt64
    ) -> UInt32 {
        let number: UInt32
        let generation: UInt32
        if let free = freeNumbers.popLast() {
            number = free
            generation = (self.generation(of: free) &+ 1) & (.max >> 1)
            lastGeneration = max(lastGeneration, generation)
        } else {
            number = UInt32(numberCount)
            generation = firstGeneration
        }
        let location = arena.append(subject, number: number)
        let entry = Entry(
            count: count, first: first, last: last, location: location,
            generationAndStale: generation << 1)
        place(entry, at: number)
        index.insert(hash: hash, number: number)
        liveCount += 1
        return number
    }

    private mutating func place(_ entry: Entry, at number: UInt32) {
        let (page, place) = Self.position(number)
        if Int(number) < numberCount {
            pages[page][place] = entry
            return
        }
        if page == pages.count { pages.append([]) }
        pages[page].append(entry)
        numberCount += 1
    }

    private mutating func free(_ number: UInt32) {
        let location = self[number].location
        let hash = withSubject(of: number) { SubjectIndex.hash($0) }
        index.remove(hash: hash, number: number)
        freeNumbers.append(number)
        liveCount -= 1
        if let page = arena.remove(at: location) { move(page) }
    }

    /// Moves what lives in a page of the arena that is mostly dead.
    private mutating func move(_ page: Int) {
        let (bytes, texts) = arena.evacuate(page)
        for text in texts where self[text.number].count > 0 && self[text.number].location == text.location {
            let location = arena.append(bytes.span.bytes.extracting(text.range), number: text.number)
            let (page, place) = Self.position(text.number)
            pages[page][place].location = location
        }
    }

    private subscript(number: UInt32) -> Entry {
        @inline(__always) get { pages[Int(number) >> Self.pageShift][Int(number) & Self.pageMask] }
    }

    private static func position(_ number: UInt32) -> (page: Int, place: Int) {
        (Int(number) >> pageShift, Int(number) & pageMask)
    }
}
