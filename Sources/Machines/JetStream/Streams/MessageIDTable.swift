import Model

/// Message ids with the sequence and the time of their messages, in parts of about a hundred: a change behind a copy copies one part
/// and the list of parts, and none ever costs more.
///
/// Linear hashing: parts are divided, and put together again, one by one as ids come and go. With *n* parts, of which 2^k is the
/// greatest power of two, an id is in the part that the last k + 1 bits of its hash say, or the last k where there is none yet.
/// Source: W. Litwin, "Linear Hashing: A New Tool for File and Table Addressing", 1980.
struct MessageIDTable: Sendable {
    struct Entry: Sendable {
        var sequence: UInt64
        var time: Timestamp
    }

    private var parts: [[[UInt8]: Entry]] = [[:]]
    private(set) var count = 0

    /// More than so many in a part on the average divide one, and fewer put two together.
    private static let most = 128
    private static let least = 32

    subscript(id: [UInt8]) -> Entry? { parts[place(of: id)][id] }

    mutating func set(_ id: [UInt8], _ entry: Entry) {
        if parts[place(of: id)].updateValue(entry, forKey: id) == nil { count += 1 }
        if count > parts.count * Self.most { divide() }
    }

    mutating func remove(_ id: [UInt8]) {
        if parts[place(of: id)].removeValue(forKey: id) != nil { count -= 1 }
        if parts.count > 1, count < parts.count * Self.least { putTogether() }
    }

    private func place(of id: [UInt8]) -> Int {
        let half = Self.greatestPower(upTo: parts.count)
        let place = id.hashValue & (2 * half - 1)
        return place < parts.count ? place : place - half
    }

    /// Makes one part more, of what belongs there of the part that has had it.
    private mutating func divide() {
        let new = parts.count
        let old = new - Self.greatestPower(upTo: new)
        let ids = parts[old]
        parts[old] = [:]
        parts.append([:])
        for (id, entry) in ids { parts[place(of: id)][id] = entry }
    }

    private mutating func putTogether() {
        let ids = parts.removeLast()
        for (id, entry) in ids { parts[place(of: id)][id] = entry }
    }

    private static func greatestPower(upTo count: Int) -> Int { 1 << (Int.bitWidth - 1 - count.leadingZeroBitCount) }
}
