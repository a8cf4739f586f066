import DequeModule

/// The answers of one connection, which leave in the order of their requests whenever each of them is ready.
struct ResponseQueue {
    private struct Slot {
        var requestByteCount: Int
        /// Nil: not answered yet.
        var answer: Answer?
    }

    private var slots: Deque<Slot> = []
    /// The number of the first slot.
    private var first: UInt64 = 0
    /// How many bytes wait behind a slot that is not answered yet.
    private(set) var heldByteCount = 0
    /// How many bytes the requests had that are not answered yet.
    private(set) var requestByteCount = 0

    var count: Int { slots.count }

    /// Whether an answer in this slot goes out at once.
    func isNext(_ slot: UInt64) -> Bool { slot == first }

    /// A place for the answer to the next request.
    mutating func open(requestByteCount: Int) -> UInt64 {
        slots.append(Slot(requestByteCount: requestByteCount, answer: nil))
        self.requestByteCount += requestByteCount
        return first + UInt64(slots.count - 1)
    }

    mutating func fill(_ slot: UInt64, with answer: Answer) {
        precondition(
            slot >= first && slot < first + UInt64(slots.count), "slot \(slot) is not open")
        let index = Int(slot - first)
        precondition(slots[index].answer == nil, "slot \(slot) was filled before")
        slots[index].answer = answer
        heldByteCount += answer.byteCount
        requestByteCount -= slots[index].requestByteCount
    }

    /// The next answer whose turn it is.
    mutating func next() -> Answer? {
        guard let answer = slots.first?.answer else { return nil }
        slots.removeFirst()
        first += 1
        heldByteCount -= answer.byteCount
        return answer
    }
}
