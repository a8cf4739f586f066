import Subjects

/// Which of a stream's subjects some filters match, remembered by the subjects' numbers.
///
/// Each subject is compared with the filters once; after that a message costs two array reads.
struct SubjectSelector: Sendable {
    /// None means every subject.
    let filters: [SubjectFilter]
    /// For each number: its generation, shifted left by two, and 1 for "no", 2 for "yes"; 0 for "not asked yet".
    private var marks: [UInt32] = []

    init(_ filters: [SubjectFilter]) {
        self.filters = filters.contains { $0.matchesEverything } ? [] : filters
    }

    var selectsEverything: Bool { filters.isEmpty }

    mutating func selects(_ number: UInt32, in subjects: SubjectTable) -> Bool {
        if filters.isEmpty { return true }
        let index = Int(number)
        let current = subjects.generations[index] << 2
        if index < marks.count, marks[index] & ~3 == current, marks[index] & 3 != 0 {
            return marks[index] & 3 == 2
        }
        let subject = subjects.entries[index].subject
        let isSelected = filters.contains { $0.matches(subject.span.bytes) }
        if index >= marks.count {
            marks.append(
                contentsOf: repeatElement(0, count: subjects.generations.count - marks.count))
        }
        marks[index] = current | (isSelected ? 2 : 1)
        return isSelected
    }

    /// Whether a removal counts, whose subject may be gone: nil if nobody can tell any more.
    mutating func selects(_ removal: StreamLedger.Removal, in subjects: SubjectTable) -> Bool? {
        if filters.isEmpty { return true }
        let index = Int(removal.number)
        let current = removal.generation << 2
        if index < marks.count, marks[index] & ~3 == current, marks[index] & 3 != 0 {
            return marks[index] & 3 == 2
        }
        guard subjects.generations[index] == removal.generation, subjects.entries[index].count > 0
        else { return nil }
        return selects(removal.number, in: subjects)
    }

    // MARK: Asking a ledger

    mutating func next(from start: UInt64, in ledger: StreamLedger) -> UInt64? {
        if filters.isEmpty { return ledger.next(from: start) }
        return ledger.next(from: start) { selects($0, in: ledger.subjects) }
    }

    mutating func previous(from end: UInt64, in ledger: StreamLedger) -> UInt64? {
        ledger.previous(from: end) { selects($0, in: ledger.subjects) }
    }

    mutating func count(from start: UInt64, through end: UInt64, in ledger: StreamLedger) -> UInt64
    {
        if filters.isEmpty { return ledger.count(from: start, through: end) }
        if start <= ledger.firstSequence, end >= ledger.lastSequence {
            var total: UInt64 = 0
            for number in selected(in: ledger.subjects) {
                total += ledger.subjects.entries[Int(number)].count
            }
            return total
        }
        return ledger.count(from: start, through: end) { selects($0, in: ledger.subjects) }
    }

    /// The numbers of all subjects that are selected now.
    mutating func selected(in subjects: SubjectTable) -> [UInt32] {
        var numbers: [UInt32] = []
        if filters.count == 1, filters[0].isLiteral {
            let text = Array(filters[0].text.utf8)
            if let number = subjects.number(of: text.span.bytes) { numbers.append(number) }
            return numbers
        }
        for index in subjects.entries.indices
        where subjects.entries[index].count > 0 && selects(UInt32(index), in: subjects) {
            numbers.append(UInt32(index))
        }
        return numbers
    }
}
