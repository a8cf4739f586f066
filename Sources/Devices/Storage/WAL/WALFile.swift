import Bytes
import Model
import Platform

/// One file of the log, open. Its first 4,096 bytes are the file header; frames follow.
///
///      0  8 bytes  magic, the letters "DUOLOGWL"
///      8  u32      CRC-32C of bytes 12..<4096
///     12  u32      format version, 2; 1 was without flags
///     16  u64      file number, as in the file's name
///     24  16 bytes folder id, as in `format`
///     40  i64      creation time, nanoseconds since 1970
///     48  u32      flags; 1: used before, so that behind the last frame is what was there
///     52           zeros
final class WALFile: Sendable {
    static let headerByteCount = 4096
    /// A file that cannot become longer by so much is not worth going on with.
    static let minimumGrowth = 4096
    static let magic: UInt64 = 0x4455_4F4C_4F47_574C

    let number: UInt64
    let path: String
    let handle: any FileHandle
    /// What the checksums of its frames are seeded with.
    let seed: UInt32

    init(number: UInt64, path: String, handle: any FileHandle, folderID: [UInt8]) {
        self.number = number
        self.path = path
        self.handle = handle
        seed = WALFrame.seed(folder: folderID, file: number)
    }

    /// The number in decimal, padded to 20 digits, so that names sort as numbers do.
    static func name(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 20 - digits.count) + digits + ".wal"
    }

    static func number(ofName name: String) -> UInt64? {
        guard name.utf8.count == 24, name.hasSuffix(".wal"), let number = UInt64(name.dropLast(4)),
            number > 0, number <= WALPosition.maximumFileNumber, Self.name(number) == name
        else { return nil }
        return number
    }

    static let formatVersion: UInt32 = 2
    private static let recycledFlag: UInt32 = 1

    static func header(
        number: UInt64, folderID: [UInt8], created: Timestamp, isRecycled: Bool = false
    ) -> [UInt8] {
        var header = ByteWriter(capacity: headerByteCount)
        header.int(magic)
        header.int(UInt32(0))
        header.int(formatVersion)
        header.int(number)
        header.append(folderID)
        header.int(created.nanoseconds)
        header.int(isRecycled ? recycledFlag : 0)
        header.append(repeatElement(0, count: headerByteCount - header.count))
        header.patch(crc32c(header.bytes.span.bytes.extracting(12..<headerByteCount)), at: 8)
        return header.bytes
    }

    enum HeaderState {
        case whole(isRecycled: Bool)
        case damaged
    }

    static func headerState(_ bytes: [UInt8], number: UInt64, folderID: [UInt8]) -> HeaderState {
        let span = bytes.span.bytes
        guard self.folderID(ofHeader: bytes) == folderID,
            span.int(at: 16, as: UInt64.self) == number
        else { return .damaged }
        return .whole(isRecycled: span.int(at: 48, as: UInt32.self) & recycledFlag != 0)
    }

    /// The folder that a header says it belongs to; nil where it does not verify.
    static func folderID(ofHeader bytes: [UInt8]) -> [UInt8]? {
        let span = bytes.span.bytes
        guard bytes.count == headerByteCount, span.int(at: 0, as: UInt64.self) == magic,
            span.int(at: 8, as: UInt32.self) == crc32c(span.extracting(12..<headerByteCount))
        else { return nil }
        return Array(copying: span.extracting(24..<40))
    }
}
