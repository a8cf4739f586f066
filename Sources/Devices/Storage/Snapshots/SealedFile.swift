import Bytes
import Model
import Platform

/// The layout of a file that is written once, from front to back, and then only read: snapshots and
/// the manifest. All integers are big endian.
///
///      0  8 bytes  magic, the letters "DUOLOGSF"
///      8  u32      CRC-32C of bytes 12..<256
///     12  u32      format version, 1
///     16  16 bytes folder id
///     32  u64      position in the write-ahead log up to which the content holds
///     40  i64      creation time, nanoseconds since 1970
///     48  u8       length of the name
///     49           name, UTF-8, then zeros up to 256
///    256           blocks
///
/// A block is `u32 byte count`, `u32 checksum`, and so many bytes, from 1 to 1 MiB. The checksum is
/// the CRC-32C of the byte count and the bytes, continued from the block's seed: the CRC-32C of the
/// block's number (u64, from 0) continued from the header's checksum. The last block has byte count
/// 0, and behind its checksum, and covered by it, stands the number of bytes in all blocks, a u64.
/// The file ends there. Described for readers of the files in docs/formats/snapshot.md.
enum SealedFile {
    static let headerByteCount = 256
    static let magic: UInt64 = 0x4455_4F4C_4F47_5346
    static let version: UInt32 = 1
    static let blockByteCount = 256 << 10
    static let maximumBlockByteCount = 1 << 20
    static let maximumNameByteCount = 100

    struct Header: Equatable, Sendable {
        var name: String
        var position: UInt64
        var created: Timestamp
        /// What the blocks' checksums continue from.
        var checksum: UInt32 = 0
    }

    static func header(
        name: String, position: UInt64, created: Timestamp, folderID: [UInt8]
    ) -> [UInt8] {
        var header = ByteWriter(capacity: headerByteCount)
        header.int(magic)
        header.int(UInt32(0))
        header.int(version)
        header.append(folderID)
        header.int(position)
        header.int(created.nanoseconds)
        header.int(UInt8(name.utf8.count))
        header.append(name)
        header.append(repeatElement(0, count: headerByteCount - header.count))
        header.patch(crc32c(header.bytes.span.bytes.extracting(12..<headerByteCount)), at: 8)
        return header.bytes
    }

    /// Nil where the bytes are not what was written.
    static func parse(_ bytes: [UInt8], folderID: [UInt8]) -> Header? {
        let span = bytes.span.bytes
        guard bytes.count == headerByteCount, span.int(at: 0, as: UInt64.self) == magic,
            case let checksum = span.int(at: 8, as: UInt32.self),
            checksum == crc32c(span.extracting(12..<headerByteCount)),
            span.int(at: 12, as: UInt32.self) == version,
            Array(copying: span.extracting(16..<32)) == folderID,
            Int(bytes[48]) <= maximumNameByteCount,
            let name = String(validatingUTF8: span.extracting(49..<49 + Int(bytes[48])))
        else { return nil }
        return Header(
            name: name, position: span.int(at: 32, as: UInt64.self),
            created: Timestamp(nanoseconds: span.int(at: 40, as: Int64.self)), checksum: checksum)
    }

    static func seed(block number: UInt64, header checksum: UInt32) -> UInt32 {
        crc32c(number, seed: checksum)
    }
}

/// Writes a sealed file beside the place it is for; ``finish()`` makes its bytes durable and
/// ``putInPlace()`` its name.
final class SealedFileWriter {
    private let path: String
    private let fileSystem: any FileSystem
    private let handle: any FileHandle
    private let headerChecksum: UInt32
    private var block = ByteWriter(capacity: SealedFile.blockByteCount)
    private var blockNumber: UInt64 = 0
    private var fileOffset = SealedFile.headerByteCount
    private(set) var contentByteCount = 0

    private var temporaryPath: String { path + ".new" }

    /// - Throws: `storageFull`, `failed`; nothing but a file ending in `.new` is left behind.
    init(
        path: String, name: String, position: UInt64, created: Timestamp, folderID: [UInt8],
        on fileSystem: any FileSystem
    ) throws(StorageError) {
        self.path = path
        self.fileSystem = fileSystem
        let header = SealedFile.header(
            name: name, position: position, created: created, folderID: folderID)
        headerChecksum = header.span.bytes.int(at: 8, as: UInt32.self)
        do throws(SystemError) {
            handle = try fileSystem.open(path + ".new", .create)
            try handle.truncate(byteCount: 0)
            try handle.writeFully(header.span.bytes, at: 0)
        } catch { throw .from(error) }
    }

    func append(_ bytes: RawSpan) throws(StorageError) {
        var done = 0
        while done < bytes.byteCount {
            let count = min(SealedFile.blockByteCount - block.count, bytes.byteCount - done)
            block.append(bytes.extracting(done..<done + count))
            done += count
            if block.count == SealedFile.blockByteCount { try writeBlock() }
        }
        contentByteCount += bytes.byteCount
    }

    private func writeBlock() throws(StorageError) {
        guard block.count > 0 else { return }
        var head = ByteWriter(capacity: 8)
        head.int(UInt32(block.count))
        let seed = SealedFile.seed(block: blockNumber, header: headerChecksum)
        let checksum = crc32c(block.bytes.span.bytes, seed: crc32c(head.bytes.span.bytes, seed: seed))
        head.int(checksum)
        do {
            let bytes = block.bytes
            try handle.writeFully(head.bytes.span.bytes, at: fileOffset)
            try handle.writeFully(bytes.span.bytes, at: fileOffset + 8)
        } catch { throw .from(error) }
        fileOffset += 8 + block.count
        blockNumber += 1
        block.bytes.removeAll(keepingCapacity: true)
    }

    /// Writes the last block and syncs. To be called once.
    func finish() throws(StorageError) {
        try writeBlock()
        var end = ByteWriter(capacity: 16)
        end.int(UInt32(0))
        var total = ByteWriter(capacity: 8)
        total.int(UInt64(contentByteCount))
        let seed = SealedFile.seed(block: blockNumber, header: headerChecksum)
        end.int(
            crc32c(total.bytes.span.bytes, seed: crc32c(end.bytes.span.bytes, seed: seed)))
        end.append(total.bytes)
        do {
            try handle.writeFully(end.bytes.span.bytes, at: fileOffset)
            try handle.synchronize()
        } catch { throw .from(error) }
    }

    /// Takes the place of what was at the path; durable when it returns.
    func putInPlace() throws(StorageError) {
        do {
            try fileSystem.rename(temporaryPath, to: path)
            try fileSystem.synchronizeDirectory(Self.folder(of: path))
        } catch { throw .from(error) }
    }

    /// Removes what was written so far.
    func abandon() { try? fileSystem.remove(temporaryPath) }

    private static func folder(of path: String) -> String {
        String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    }
}

/// Reads a sealed file block by block; what it hands out was verified.
struct SealedFileReader {
    let path: String
    let header: SealedFile.Header
    let fileByteCount: Int
    private let handle: any FileHandle
    private var fileOffset = SealedFile.headerByteCount
    private var blockNumber: UInt64 = 0
    private var contentByteCount: UInt64 = 0
    private(set) var isAtEnd = false

    private init(
        path: String, handle: any FileHandle, header: SealedFile.Header, fileByteCount: Int
    ) {
        self.path = path
        self.handle = handle
        self.header = header
        self.fileByteCount = fileByteCount
    }

    /// Nil when there is no such file.
    ///
    /// - Throws: `damaged` for a header that does not hold, `failed`.
    static func open(
        _ path: String, folderID: [UInt8], on fileSystem: any FileSystem
    ) throws(StorageError) -> SealedFileReader? {
        let handle: any FileHandle
        let bytes: [UInt8]
        let fileByteCount: Int
        do throws(SystemError) {
            handle = try fileSystem.open(path, .readOnly)
            bytes = try handle.read(at: 0, byteCount: SealedFile.headerByteCount)
            fileByteCount = try handle.byteCount()
        } catch {
            if error.isMissing { return nil }
            throw .failed(error)
        }
        guard let header = SealedFile.parse(bytes, folderID: folderID) else {
            throw .damaged(path: path, offset: 0)
        }
        return SealedFileReader(
            path: path, handle: handle, header: header, fileByteCount: fileByteCount)
    }

    /// The content of the next block; nil behind the last.
    ///
    /// - Throws: `damaged`, `failed`.
    mutating func next() throws(StorageError) -> [UInt8]? {
        if isAtEnd { return nil }
        let head = try read(8, at: fileOffset)
        let count = Int(head.span.bytes.int(at: 0, as: UInt32.self))
        guard count <= SealedFile.maximumBlockByteCount else { throw damaged }
        let body = try read(count == 0 ? 8 : count, at: fileOffset + 8)
        let seed = SealedFile.seed(block: blockNumber, header: header.checksum)
        let checksum = crc32c(
            body.span.bytes, seed: crc32c(head.span.bytes.extracting(0..<4), seed: seed))
        guard checksum == head.span.bytes.int(at: 4, as: UInt32.self) else { throw damaged }
        if count == 0 {
            guard body.span.bytes.int(at: 0, as: UInt64.self) == contentByteCount,
                fileOffset + 16 == fileByteCount
            else { throw damaged }
            isAtEnd = true
            return nil
        }
        fileOffset += 8 + count
        blockNumber += 1
        contentByteCount += UInt64(count)
        return body
    }

    private func read(_ count: Int, at offset: Int) throws(StorageError) -> [UInt8] {
        guard count <= fileByteCount - offset else { throw damaged }
        let bytes: [UInt8]
        do { bytes = try handle.read(at: offset, byteCount: count) } catch { throw .failed(error) }
        guard bytes.count == count else { throw damaged }
        return bytes
    }

    private var damaged: StorageError { .damaged(path: path, offset: fileOffset) }
}
