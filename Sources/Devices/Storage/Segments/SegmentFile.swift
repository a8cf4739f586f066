import Bytes
import Model
import Platform

/// A segment file that is open for reading, from any thread. It stays readable as long as somebody
/// has it, also when it was removed from its folder.
final class SegmentFile: Sendable {
    let number: UInt64
    let path: String
    let handle: any FileHandle
    let seed: UInt32

    init(
        number: UInt64, folder: String, folderID: [UInt8], on fileSystem: any FileSystem
    ) throws(SystemError) {
        self.number = number
        path = folder + "/" + SegmentFormat.name(number)
        seed = SegmentFormat.seed(folder: folderID, file: number)
        handle = try fileSystem.open(path, .readOnly)
    }

    /// A page of a segment's index; nil where it is damaged.
    func page(_ place: Int, of segment: SegmentDescriptor) throws(StorageError) -> SegmentPage? {
        guard let head = try head(place, of: segment), head.offset >= segment.indexOffset,
            head.offset + head.byteCount <= segment.indexOffset + segment.indexByteCount
        else { return nil }
        let bytes = try read(head.byteCount, at: head.offset)
        return SegmentPage(verifying: bytes.span.bytes, seed: seed)
    }

    /// The head of a page, from behind the pages; nil where it is damaged.
    func head(
        _ place: Int, of segment: SegmentDescriptor
    ) throws(StorageError) -> SegmentPage.Head? {
        precondition(place >= 0 && place < segment.pageCount)
        let start =
            segment.indexOffset + segment.indexByteCount
            - (segment.pageCount - place) * SegmentPage.headByteCount
        let bytes = try read(SegmentPage.headByteCount, at: start)
        return SegmentPage.Head(verifying: bytes.span.bytes, seed: seed)
    }

    /// What the segment says of transactions; nil where that, or the head that says where it begins,
    /// is damaged.
    func transactions(of segment: SegmentDescriptor) throws(StorageError) -> TransactionIndex? {
        guard segment.pageCount > 0, let last = try head(segment.pageCount - 1, of: segment)
        else { return nil }
        let start = last.offset + last.byteCount
        let end =
            segment.indexOffset + segment.indexByteCount
            - segment.pageCount * SegmentPage.headByteCount
        guard start >= segment.indexOffset, start <= end else { return nil }
        if start == end { return TransactionIndex() }
        let bytes = try read(end - start, at: start)
        return TransactionIndex(verifying: bytes.span.bytes, seed: seed)
    }

    /// The bytes of a batch.
    ///
    /// - Throws: `damaged` where the file is too short or, if asked to verify, where they are not
    ///   what was written.
    func batch(
        at offset: Int, byteCount: Int, checksum: UInt32?
    ) throws(StorageError) -> [UInt8] {
        let bytes = try read(byteCount, at: offset)
        guard bytes.count == byteCount,
            checksum == nil || crc32c(bytes.span.bytes) == checksum
        else { throw .damaged(path: path, offset: offset) }
        return bytes
    }

    /// So many bytes, or fewer where the file ends.
    func read(_ byteCount: Int, at offset: Int) throws(StorageError) -> [UInt8] {
        do { return try handle.read(at: offset, byteCount: byteCount) } catch {
            throw .failed(error)
        }
    }
}

/// The index of one segment, found page by page in its file. A damaged page is made again from the
/// batches.
struct SegmentIndex: Sendable {
    let file: SegmentFile
    let segment: SegmentDescriptor
    /// All pages, once one of them was found damaged.
    private(set) var repaired: SegmentRepair.Outcome?

    init(file: SegmentFile, segment: SegmentDescriptor) {
        self.file = file
        self.segment = segment
    }

    var pageCount: Int { repaired?.pages.count ?? segment.pageCount }

    /// - Throws: `damaged` where no page can be made, `failed`.
    mutating func page(_ place: Int) throws(StorageError) -> SegmentPage {
        if let repaired { return repaired.pages[place] }
        if let page = try file.page(place, of: segment) { return page }
        let outcome = try SegmentRepair(file: file, segment: segment).run()
        repaired = outcome
        guard place < outcome.pages.count else {
            throw .damaged(path: file.path, offset: segment.indexOffset)
        }
        return outcome.pages[place]
    }

    private mutating func head(_ place: Int) throws(StorageError) -> SegmentPage.Head? {
        if repaired == nil {
            if let head = try file.head(place, of: segment) { return head }
            repaired = try SegmentRepair(file: file, segment: segment).run()
        }
        guard let pages = repaired?.pages, place < pages.count else { return nil }
        return pages[place].head
    }

    /// The first page for which `belongs` is true, where it stays true for all behind it.
    mutating func firstPage(
        where belongs: (SegmentPage.Head) -> Bool
    ) throws(StorageError) -> Int {
        var low = 0
        var high = pageCount
        while low < high {
            let middle = (low + high) / 2
            guard let head = try head(middle) else {
                // The repair found fewer pages than there were.
                high = min(middle, pageCount)
                continue
            }
            if belongs(head) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
