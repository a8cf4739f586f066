import Bytes

/// The texts of a stream's subjects, back to back in pages, so that none of them needs a heap object of its own.
///
/// One text: the subject's number (4 bytes, big endian), its length as a varint, its bytes, zeros up to a multiple of
/// four. A page that is mostly dead is emptied by ``SubjectTable``, which moves what lives to the newest page; so dead
/// texts take at most about three quarters of the space. Pages are copied on write one by one.
struct SubjectArena: Sendable {
    /// The page above, the text's place in it, in steps of four bytes, in the lower 16 bits.
    typealias Location = UInt32

    private struct Page: Sendable {
        var bytes: [UInt8] = []
        var liveByteCount = 0
    }

    private var pages: [Page] = []
    private var emptyPages: [Int] = []
    private var current = -1

    private static let step = 4
    private static let pageByteCount = step << 16
    private static let pageLimit = 1 << 16

    /// - Returns: where it is now.
    mutating func append(_ subject: RawSpan, number: UInt32) -> Location {
        let length = UInt64(subject.byteCount)
        let bare = 4 + ByteWriter.unsignedVarintByteCount(length) + subject.byteCount
        let byteCount = (bare + Self.step - 1) / Self.step * Self.step
        if current < 0
            || pages[current].bytes.count + byteCount > Self.pageByteCount
                && !pages[current].bytes.isEmpty
        {
            openPage()
        }
        makeRoom(for: byteCount)
        let start = pages[current].bytes.count
        var writer = ByteWriter()
        swap(&writer.bytes, &pages[current].bytes)
        writer.int(number)
        writer.unsignedVarint(length)
        writer.append(subject)
        for _ in bare..<byteCount { writer.int(0 as UInt8) }
        swap(&writer.bytes, &pages[current].bytes)
        pages[current].liveByteCount += byteCount
        return Location(current << 16 | start / Self.step)
    }

    /// Doubles the room of the current page, to no more than a whole page: arrays would by themselves.
    private mutating func makeRoom(for byteCount: Int) {
        let (count, room) = (pages[current].bytes.count, pages[current].bytes.capacity)
        guard count + byteCount > room else { return }
        pages[current].bytes.reserveCapacity(max(count + byteCount, min(room * 2, Self.pageByteCount)))
    }

    private mutating func openPage() {
        if let empty = emptyPages.popLast() {
            current = empty
        } else {
            precondition(pages.count < Self.pageLimit, "the subjects of one stream take 16 GiB")
            pages.append(Page())
            current = pages.count - 1
        }
    }

    /// Lends the subject at `location`.
    @inline(__always)
    func withSubject<Result>(at location: Location, _ body: (RawSpan) -> Result) -> Result {
        let bytes = pages[Int(location >> 16)].bytes
        let place = Self.text(in: bytes.span.bytes, at: Int(location & 0xFFFF) * Self.step)
        return body(bytes.span.bytes.extracting(place.start..<place.end))
    }

    /// The subject at `location` is not needed any more.
    ///
    /// - Returns: the page to empty with ``evacuate(_:)``, where little else of it lives.
    mutating func remove(at location: Location) -> Int? {
        let page = Int(location >> 16)
        let start = Int(location & 0xFFFF) * Self.step
        let bytes = pages[page].bytes
        let end = Self.text(in: bytes.span.bytes, at: start).paddedEnd
        pages[page].liveByteCount -= end - start
        if pages[page].liveByteCount == 0 {
            pages[page].bytes = []
            if page != current { emptyPages.append(page) }
            return nil
        }
        let isSparse = pages[page].liveByteCount < bytes.count / 4
        return isSparse && page != current ? page : nil
    }

    /// Empties a page.
    ///
    /// - Returns: all texts that were in it, dead ones too, with where they were.
    mutating func evacuate(_ page: Int) -> (bytes: [UInt8], texts: [(number: UInt32, location: Location, range: Range<Int>)]) {
        let bytes = pages[page].bytes
        pages[page] = Page()
        emptyPages.append(page)
        var texts: [(number: UInt32, location: Location, range: Range<Int>)] = []
        var position = 0
        while position < bytes.count {
            let text = Self.text(in: bytes.span.bytes, at: position)
            texts.append(
                (
                    number: bytes.span.bytes.int(at: position),
                    location: Location(page << 16 | position / Self.step), range: text.start..<text.end
                ))
            position = text.paddedEnd
        }
        return (bytes, texts)
    }

    private static func text(in bytes: RawSpan, at position: Int) -> (start: Int, end: Int, paddedEnd: Int) {
        var length = 0
        var shift = 0
        var start = position + 4
        while true {
            let byte = bytes[start]
            start += 1
            length |= Int(byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        let end = start + length
        return (start, end, (end + step - 1) / step * step)
    }
}
