import Bytes

extension LedgerChunk {
    /// `uvarint places, uvarint messages, i8 kind`, then for kind 1 (every place) and 2 (some places): the number column,
    /// the size column, the words of the bitmap of what is gone; for kind 2 also each place as a varint from the one before.
    /// Kind 0 has nothing.
    func encode(into writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(count))
        writer.unsignedVarint(UInt64(liveCount))
        guard liveCount > 0 else { return writer.int(0 as UInt8) }
        writer.int(UInt8(storedPlaces.isEmpty ? 1 : 2))
        let (numbers, sizes) = storedColumns
        numbers.encode(into: &writer)
        sizes.encode(into: &writer)
        writer.words(gone)
        guard !storedPlaces.isEmpty else { return }
        var before: UInt64 = 0
        for place in storedPlaces {
            writer.unsignedVarint(UInt64(place) - before)
            before = UInt64(place)
        }
    }

    init(decoding reader: inout ByteReader) throws {
        let count = Int(clamping: try reader.unsignedVarint())
        let liveCount = Int(clamping: try reader.unsignedVarint())
        guard count <= Self.capacity, liveCount <= count else {
            throw SnapshotFault.inconsistent("\(liveCount) messages in \(count) places")
        }
        let kind = try reader.int(UInt8.self)
        guard kind <= 2, kind > 0 || liveCount == 0 else {
            throw SnapshotFault.inconsistent("chunk of kind \(kind) with \(liveCount) messages")
        }
        if kind == 0 {
            self.init(emptyPlaceCount: count)
            return
        }
        let numbers = try PackedColumn(decoding: &reader)
        let sizes = try PackedColumn(decoding: &reader)
        let gone = try reader.words()
        var places: [UInt16] = []
        if kind == 2 {
            var place: UInt64 = 0
            for _ in 0..<numbers.count {
                place += try reader.unsignedVarint()
                guard place < UInt64(count) else {
                    throw SnapshotFault.inconsistent("place \(place) of \(count)")
                }
                places.append(UInt16(place))
            }
        }
        let goneCount = gone.reduce(0) { $0 + $1.nonzeroBitCount }
        guard numbers.count == sizes.count, numbers.count - goneCount == liveCount,
            kind == 2 ? count == Self.capacity : numbers.count == count,
            gone.isEmpty || gone.count * 64 >= numbers.count
        else { throw SnapshotFault.inconsistent("columns of \(numbers.count) for \(liveCount) messages") }
        self.init(
            count: count, liveCount: liveCount, numbers: numbers, sizes: sizes, places: places, gone: gone)
    }
}

extension PackedColumn {
    /// `uvarint values, uvarint least, i8 bits a value`, then the words: a count and so many 64-bit integers.
    func encode(into writer: inout ByteWriter) {
        writer.unsignedVarint(UInt64(count))
        writer.unsignedVarint(UInt64(least))
        writer.int(UInt8(bitWidth))
        writer.words(storedWords)
    }

    init(decoding reader: inout ByteReader) throws {
        let count = try reader.unsignedVarint()
        let least = try reader.unsignedVarint()
        let bitWidth = Int(try reader.int(UInt8.self))
        let words = try reader.words()
        guard count <= UInt64(LedgerChunk.capacity), least <= UInt64(UInt32.max),
            let column = PackedColumn(
                count: Int(count), least: UInt32(least), bitWidth: bitWidth, words: words)
        else { throw SnapshotFault.inconsistent("column of \(count) values, \(bitWidth) bits each") }
        self = column
    }
}
