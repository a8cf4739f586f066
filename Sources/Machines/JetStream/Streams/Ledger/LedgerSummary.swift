/// How often each subject number occurs in 262,144 sequences of a ledger: exact, kept up to date by removals.
struct LedgerSummary: Sendable {
    private let numbers: [UInt32]
    private var counts: [UInt32]

    /// More numbers than these are not worth it: reading the chunks is as fast then.
    private static let numberLimit = 1 << 14
    /// Of a table with more numbers there is no summary: it would take too long to make.
    private static let tableLimit = 1 << 20

    /// Nil where there are too many numbers.
    ///
    /// - Parameter forEach: calls what it is given with the number of each message.
    init?(numberCount: Int, forEach: ((UInt32) -> Void) -> Void) {
        guard numberCount <= Self.tableLimit else { return nil }
        var totals = [UInt32](repeating: 0, count: numberCount)
        var distinctCount = 0
        forEach { number in
            if totals[Int(number)] == 0 { distinctCount += 1 }
            totals[Int(number)] += 1
        }
        guard distinctCount <= Self.numberLimit else { return nil }
        var numbers: [UInt32] = []
        numbers.reserveCapacity(distinctCount)
        var counts: [UInt32] = []
        counts.reserveCapacity(distinctCount)
        for (number, count) in totals.enumerated() where count > 0 {
            numbers.append(UInt32(number))
            counts.append(count)
        }
        self.numbers = numbers
        self.counts = counts
    }

    func count(where isWanted: (UInt32) -> Bool) -> UInt64 {
        var total: UInt64 = 0
        for index in numbers.indices where counts[index] > 0 && isWanted(numbers[index]) {
            total += UInt64(counts[index])
        }
        return total
    }

    func contains(where isWanted: (UInt32) -> Bool) -> Bool {
        for index in numbers.indices where counts[index] > 0 && isWanted(numbers[index]) {
            return true
        }
        return false
    }

    func contains(_ number: UInt32) -> Bool {
        index(of: number).map { counts[$0] > 0 } ?? false
    }

    mutating func remove(_ number: UInt32) {
        guard let index = index(of: number), counts[index] > 0 else {
            preconditionFailure("the summary counts no message of subject \(number)")
        }
        counts[index] -= 1
    }

    private func index(of number: UInt32) -> Int? {
        var (low, high) = (0, numbers.count)
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < numbers.count && numbers[low] == number ? low : nil
    }
}
