import Bytes
import Model
import Platform

/// The layout of a segment file around its segments. All integers are big endian.
///
///      0  8 bytes  magic, the letters "DUOLOGSG"
///      8  u32      CRC-32C of bytes 12..<64
///     12  u32      format version, 1
///     16  u64      file number, as in the name
///     24  16 bytes folder id
///     40  i64      creation time, nanoseconds since 1970
///     48           zeros up to 64
///     64           for each segment its batches, end to end, and its index: see SegmentPage
///                  the directory: a SegmentDescriptor for each segment
///                  the footer, the last 64 bytes of the file:
///      0  8 bytes  magic, the letters "DUOLOGSE"
///      8  u32      CRC-32C of bytes 12..<64, continued from the file's seed
///     12  u32      how many segments there are
///     16  u64      where the directory begins
///     24  u32      CRC-32C of the directory, continued from the file's seed
///     28           zeros up to 64
///
/// The file's seed is the CRC-32C of the folder id, the magic (u64) and the file number (u64).
/// Described for readers of the files in docs/formats/segment.md.
enum SegmentFormat {
    static let magic: UInt64 = 0x4455_4F4C_4F47_5347
    static let footerMagic: UInt64 = 0x4455_4F4C_4F47_5345
    static let version: UInt32 = 1
    static let headerByteCount = 64
    static let footerByteCount = 64

    static func seed(folder id: [UInt8], file number: UInt64) -> UInt32 {
        crc32c(number, seed: crc32c(magic, seed: crc32c(id.span.bytes)))
    }

    /// The number in decimal, padded to 20 digits, so that names sort as numbers do.
    static func name(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 20 - digits.count) + digits + ".seg"
    }

    static func number(ofName name: String) -> UInt64? {
        guard name.utf8.count == 24, name.hasSuffix(".seg"), let number = UInt64(name.dropLast(4)),
            number > 0, Self.name(number) == name
        else { return nil }
        return number
    }

    static func header(number: UInt64, folderID: [UInt8], created: Timestamp) -> [UInt8] {
        var header = ByteWriter(capacity: headerByteCount)
        header.int(magic)
        header.int(UInt32(0))
        header.int(version)
        header.int(number)
        header.append(folderID)
        header.int(created.nanoseconds)
        header.append(repeatElement(0, count: headerByteCount - header.count))
        header.patch(crc32c(header.bytes.span.bytes.extracting(12..<headerByteCount)), at: 8)
        return header.bytes
    }

    static func isValidHeader(_ bytes: [UInt8], number: UInt64, folderID: [UInt8]) -> Bool {
        let span = bytes.span.bytes
        return bytes.count == headerByteCount && span.int(at: 0, as: UInt64.self) == magic
            && span.int(at: 8, as: UInt32.self) == crc32c(span.extracting(12..<headerByteCount))
            && span.int(at: 12, as: UInt32.self) == version
            && span.int(at: 16, as: UInt64.self) == number
            && Array(copying: span.extracting(24..<40)) == folderID
    }

    static func footer(directory: [UInt8], count: Int, offset: Int, seed: UInt32) -> [UInt8] {
        var footer = ByteWriter(capacity: footerByteCount)
        footer.int(footerMagic)
        footer.int(UInt32(0))
        footer.int(UInt32(count))
        footer.int(UInt64(offset))
        footer.int(crc32c(directory.span.bytes, seed: seed))
        footer.append(repeatElement(0, count: footerByteCount - footer.count))
        let checksum = crc32c(
            footer.bytes.span.bytes.extracting(12..<footerByteCount), seed: seed)
        footer.patch(checksum, at: 8)
        return footer.bytes
    }

    /// What the file says of itself; nil where its footer or its directory is not what was written.
    ///
    /// - Throws: `SystemError` when the device says no.
    static func directory(
        of handle: any FileHandle, number: UInt64, seed: UInt32
    ) throws(SystemError) -> [SegmentDescriptor]? {
        let end = try handle.byteCount() - footerByteCount
        guard end >= headerByteCount else { return nil }
        let footer = try handle.read(at: end, byteCount: footerByteCount)
        let span = footer.span.bytes
        guard footer.count == footerByteCount, span.int(at: 0, as: UInt64.self) == footerMagic,
            span.int(at: 8, as: UInt32.self)
                == crc32c(span.extracting(12..<footerByteCount), seed: seed)
        else { return nil }
        let count = Int(span.int(at: 12, as: UInt32.self))
        let offset = Int(clamping: span.int(at: 16, as: UInt64.self))
        let byteCount = count * SegmentDescriptor.byteCountOnDisk
        guard offset >= headerByteCount, offset <= end, end - offset == byteCount else {
            return nil
        }
        let bytes = try handle.read(at: offset, byteCount: byteCount)
        guard bytes.count == byteCount,
            crc32c(bytes.span.bytes, seed: seed) == span.int(at: 24, as: UInt32.self)
        else { return nil }
        var reader = ByteReader(bytes.span.bytes)
        var segments: [SegmentDescriptor] = []
        for _ in 0..<count {
            guard let segment = try? SegmentDescriptor(file: number, &reader) else { return nil }
            segments.append(segment)
        }
        return segments
    }
}
