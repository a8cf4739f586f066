import DequeModule

/// The answers of one connection, which leave in the order of their requests whenever each of them is ready.
struct ResponseQueue {
    private struct Slot {
        var requestByteCount: Int
        /// Nil: not answered yet.
        var frame: [UInt8]?
    }

    private var slots: Deque<Slot> = []
    /// The number of the first slot.
    private var first: UInt64 = 0
    /// How many bytes wait behind a slot that is not answered yet.
    private(set) var heldByteCount = 0
    /// How many bytes the requests had that are not answered yet.
    private(set) var requestByteCount = 0

    var count: Int { slots.count }

    /// A place for the answer to the next request.
    mutating func open(requestByteCount: Int) -> UInt64 {
        slots.append(Slot(requestByteCount: requestByteCount, frame: nil))
        self.requestByteCount += requestByteCount
        return first + UInt64(slots.count - 1)
    }

    /// No bytes: the request is done with and has no answer.
    mutating func fill(_ slot: UInt64, with frame: [UInt8]) {
        precondition(
            slot >= first && slot < first + UInt64(slots.count), "slot \(slot) is not open")
        let index = Int(slot - first)
        precondition(slots[index].frame == nil, "slot \(slot) was filled before")
        slots[index].frame = frame
        heldByteCount += frame.count
        requestByteCount -= slots[index].requestByteCount
    }

    /// The next answer whose turn it is.
    mutating func next() -> [UInt8]? {
        guard let frame = slots.first?.frame else { return nil }
        slots.removeFirst()
        first += 1
        heldByteCount -= frame.count
        return frame
    }
}
