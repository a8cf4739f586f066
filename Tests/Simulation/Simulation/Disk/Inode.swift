/// The content of a file, whatever it is called: as processes see it, as it is on the device, and
/// what lies between the two.
final class Inode {
    enum Change {
        case write(offset: Int, bytes: [UInt8])
        case resize(Int)
    }

    let number: Int
    /// What a read sees: the page cache.
    private(set) var current: [UInt8] = []
    /// What is left when the power goes, but for what had arrived of `pending`.
    private(set) var durable: [UInt8] = []
    /// Since the last sync, in order.
    private(set) var pending: [Change] = []
    /// Stretches that are in the page cache alone, and which the kernel takes for written: a sync of
    /// them has failed.
    private var forgotten: [Range<Int>] = []

    private static let sectorByteCount = 512

    init(number: Int) { self.number = number }

    // MARK: Changes

    func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        Self.put(bytes, at: offset, into: &current)
        pending.append(.write(offset: offset, bytes: Array(bytes)))
    }

    func resize(_ byteCount: Int) {
        Self.resize(&current, byteCount)
        pending.append(.resize(byteCount))
    }

    func synchronize() {
        for change in pending {
            switch change {
            case .write(let offset, let bytes): Self.put(bytes[...], at: offset, into: &durable)
            case .resize(let byteCount): Self.resize(&durable, byteCount)
            }
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// A sync that fails: some of it has arrived, and the kernel will not try the rest again.
    /// Source: fsync(2), "Linux and the error EIO".
    func synchronizeBadly(_ random: inout SeededRandom) {
        for case .write(let offset, let bytes) in pending {
            forgotten.append(offset..<offset + bytes.count)
        }
        settle(&random)
    }

    /// The page cache lets go of what it holds for written though it is not.
    func evict(_ random: inout SeededRandom) {
        for range in forgotten where random.oneIn(2) {
            let range = range.clamped(to: 0..<min(current.count, durable.count))
            if !range.isEmpty { Self.put(durable[range], at: range.lowerBound, into: &current) }
        }
        forgotten = []
    }

    /// Flips bits in what is on the device, and in what is read.
    func damage(_ mask: UInt8, at offset: Int) {
        current[offset] ^= mask
        if offset < durable.count { durable[offset] ^= mask }
    }

    // MARK: Power

    /// The power goes: of each sector one of the states that it had since the last sync is on the
    /// device, of the file's length one of those that it had.
    func losePower(_ random: inout SeededRandom) {
        settle(&random)
        current = durable
        forgotten = []
    }

    /// Brings some of `pending` to the device and forgets the rest.
    private func settle(_ random: inout SeededRandom) {
        if pending.isEmpty { return }
        // All, nothing or anything in between: each is a case of its own.
        let odds = [0, 1, 4, 7, 8][random.below(5)]
        let lengthLimit = random.below(8) < odds ? pending.count : random.below(pending.count + 1)
        var limits: [Int: Int] = [:]
        for (index, change) in pending.enumerated() {
            switch change {
            case .resize(let byteCount):
                if index < lengthLimit { Self.resize(&durable, byteCount) }
            case .write(let offset, let bytes):
                var start = offset
                while start < offset + bytes.count {
                    let sector = start / Self.sectorByteCount
                    let end = min((sector + 1) * Self.sectorByteCount, offset + bytes.count)
                    // The state of a sector is that after one of the writes, with all before it.
                    let limit =
                        limits[sector]
                        ?? (random.below(8) < odds
                            ? pending.count : random.below(pending.count + 1))
                    limits[sector] = limit
                    if index < limit, start <= durable.count || index < lengthLimit {
                        Self.put(bytes[start - offset..<end - offset], at: start, into: &durable)
                    }
                    start = end
                }
            }
        }
        pending.removeAll(keepingCapacity: true)
    }

    // MARK: Bytes

    private static func put(_ bytes: ArraySlice<UInt8>, at offset: Int, into file: inout [UInt8]) {
        if file.count < offset + bytes.count { resize(&file, offset + bytes.count) }
        bytes.withUnsafeBytes { source in
            file.withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: source)
            }
        }
    }

    private static func resize(_ file: inout [UInt8], _ byteCount: Int) {
        if file.count > byteCount {
            file.removeLast(file.count - byteCount)
        } else {
            file.append(contentsOf: repeatElement(0, count: byteCount - file.count))
        }
    }
}
