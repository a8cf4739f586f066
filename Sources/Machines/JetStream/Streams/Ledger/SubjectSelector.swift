import Subjects

/// Which of a stream's subjects some filters match, remembered by the subjects' numbers.
///
/// Each subject is compared with the filters once; after that a message costs two array reads. One literal filter
/// compares nothing: it has one number, or none.
struct SubjectSelector: Sendable {
    /// None means every subject.
    let filters: [SubjectFilter]
    /// The only filter's text where it has no wildcard.
    private let literal: [UInt8]?
    /// For each number: its generation, shifted left by one, with the answer in the lowest bit; `unasked` before.
    private var marks: [UInt32] = []

    private static let unasked = UInt32.max

    init(_ filters: [SubjectFilter]) {
        self.filters = filters.contains { $0.matchesEverything } ? [] : filters
        literal = self.filters.count == 1 && filters[0].isLiteral ? Array(filters[0].text.utf8) : nil
    }

    var selectsEverything: Bool { filters.isEmpty }

    mutating func selects(_ number: UInt32, in subjects: SubjectTable) -> Bool {
        if filters.isEmpty { return true }
        let index = Int(number)
        let current = subjects.generation(of: number) << 1
        if index < marks.count, marks[index] & ~1 == current, marks[index] != Self.unasked {
            return marks[index] & 1 != 0
        }
        let isSelected = subjects.withSubject(of: number) { subject in
            filters.contains { $0.matches(subject) }
        }
        if index >= marks.count {
            marks.append(
                contentsOf: repeatElement(Self.unasked, count: subjects.numberCount - marks.count))
        }
        marks[index] = current | (isSelected ? 1 : 0)
        return isSelected
    }

    /// Whether a removal counts, whose subject may be gone: nil if nobody can tell any more.
    mutating func selects(_ removal: StreamLedger.Removal, in subjects: SubjectTable) -> Bool? {
        if filters.isEmpty { return true }
        let index = Int(removal.number)
        if index < marks.count, marks[index] & ~1 == removal.generation << 1, marks[index] != Self.unasked {
            return marks[index] & 1 != 0
        }
        guard index < subjects.numberCount, subjects.count(of: removal.number) > 0,
            subjects.generation(of: removal.number) == removal.generation
        else { return nil }
        return selects(removal.number, in: subjects)
    }

    // MARK: Asking a ledger

    mutating func next(from start: UInt64, in ledger: StreamLedger) -> UInt64? {
        if filters.isEmpty { return ledger.next(from: start) }
        if let literal {
            return ledger.subjects.number(of: literal.span.bytes).flatMap { ledger.next(from: start, of: $0) }
        }
        return ledger.next(from: start) { selects($0, in: ledger.subjects) }
    }

    mutating func previous(from end: UInt64, in ledger: StreamLedger) -> UInt64? {
        if let literal {
            return ledger.subjects.number(of: literal.span.bytes).flatMap { ledger.previous(from: end, of: $0) }
        }
        return ledger.previous(from: end) { selects($0, in: ledger.subjects) }
    }

    mutating func count(from start: UInt64, through end: UInt64, in ledger: StreamLedger) -> UInt64 {
        if filters.isEmpty { return ledger.count(from: start, through: end) }
        let start = max(start, ledger.firstSequence)
        guard start <= min(end, ledger.lastSequence) else { return 0 }
        if let literal {
            guard let number = ledger.subjects.number(of: literal.span.bytes) else { return 0 }
            if end >= ledger.lastSequence, start <= ledger.subjects.firstBound(of: number) {
                return ledger.subjects.count(of: number)
            }
            return ledger.count(from: start, through: end) { $0 == number }
        }
        guard end >= ledger.lastSequence, isTotalCheaper(from: start, in: ledger) else {
            return ledger.count(from: start, through: end) { selects($0, in: ledger.subjects) }
        }
        // All there are, without those before.
        var total: UInt64 = 0
        for number in selected(in: ledger.subjects) { total += ledger.subjects.count(of: number) }
        if start > ledger.firstSequence {
            total -= ledger.count(from: ledger.firstSequence, through: start - 1) {
                selects($0, in: ledger.subjects)
            }
        }
        return total
    }

    private func isTotalCheaper(from start: UInt64, in ledger: StreamLedger) -> Bool {
        let before = start - ledger.firstSequence
        let behind = ledger.lastSequence - start
        return before == 0 || before + UInt64(ledger.subjects.numberCount) < behind
    }

    /// The numbers of all subjects that are selected now.
    mutating func selected(in subjects: SubjectTable) -> [UInt32] {
        if let literal { return subjects.number(of: literal.span.bytes).map { [$0] } ?? [] }
        var numbers: [UInt32] = []
        for number in 0..<UInt32(subjects.numberCount)
        where subjects.count(of: number) > 0 && selects(number, in: subjects) {
            numbers.append(number)
        }
        return numbers
    }
}
