import Bytes
import Model

/// The layout of one frame. All integers are big endian; frames begin at multiples of eight.
///
///      0  u32  magic, the letters "DUOF"
///      4  u32  header checksum, over bytes 8..<56
///      8  u32  payload checksum, over the payload and its padding
///     12  u32  payload byte count
///     16  u32  group start: everything before this offset of the file was on the device
///              before this frame was written
///     20  u32  log id
///     24  i32  epoch
///     28  u8   kind: 1 batch, 2 control, 3 consumer, 4 group, 5 catalog, 254 end of file, 255 mark
///     29  u8×3 zero
///     32  i64  base offset
///     40  i64  last offset
///     48  i64  append time, nanoseconds since 1970
///     56       payload, then zeros up to a multiple of eight
///
/// Both checksums are CRC-32C, continued from a seed: the CRC-32C of the folder id (16 bytes), the
/// file number (u64) and the frame's offset in the file (u64). So a frame never verifies in another
/// folder, in another file or at another place. Described for readers of the files in
/// docs/formats/wal.md.
struct WALFrame: Equatable {
    static let headerByteCount = 56
    static let magic: UInt32 = 0x4455_4F46

    /// The last frame of a file that was followed by another.
    static let endKind: UInt8 = 254
    /// Written over the free space behind the last frame when the log is idle; the next frame takes
    /// its place.
    static let markKind: UInt8 = 255

    var kind: UInt8
    var log: LogID
    var epoch: Int32
    var baseOffset: Offset
    var lastOffset: Offset
    var appendTime: Timestamp
    var payloadByteCount: Int
    var payloadChecksum: UInt32 = 0
    var groupStart = 0

    static func byteCount(payload: Int) -> Int { (headerByteCount + payload + 7) & ~7 }

    var byteCount: Int { Self.byteCount(payload: payloadByteCount) }

    /// What the caller gave, or nil for a kind that this version does not know.
    var header: FrameHeader? {
        guard let kind = FrameKind(rawValue: kind) else { return nil }
        return FrameHeader(
            kind: kind, log: log, epoch: epoch, baseOffset: baseOffset, lastOffset: lastOffset,
            appendTime: appendTime, payloadByteCount: payloadByteCount)
    }
}

extension WALFrame {
    init(_ header: FrameHeader, payloadByteCount: Int) {
        self.init(
            kind: header.kind.rawValue, log: header.log, epoch: header.epoch,
            baseOffset: header.baseOffset, lastOffset: header.lastOffset,
            appendTime: header.appendTime, payloadByteCount: payloadByteCount)
    }

    /// A frame that carries nothing: ``endKind`` or ``markKind``.
    init(sign kind: UInt8, at time: Timestamp) {
        self.init(
            kind: kind, log: LogID(0), epoch: 0, baseOffset: Offset(0), lastOffset: Offset(0),
            appendTime: time, payloadByteCount: 0)
    }

    /// The fields as bytes, the checksums and the group start still zero:
    /// ``seal(_:at:groupStart:seed:)`` sets them.
    func write(into bytes: inout MutableRawSpan) {
        bytes.storeBytes(of: Self.magic.bigEndian, toByteOffset: 0, as: UInt32.self)
        bytes.storeBytes(of: 0, toByteOffset: 4, as: UInt64.self)
        bytes.storeBytes(
            of: UInt32(payloadByteCount).bigEndian, toByteOffset: 12, as: UInt32.self)
        bytes.storeBytes(of: 0, toByteOffset: 16, as: UInt32.self)
        bytes.storeBytes(of: log.value.bigEndian, toByteOffset: 20, as: UInt32.self)
        bytes.storeBytes(of: epoch.bigEndian, toByteOffset: 24, as: Int32.self)
        bytes.storeBytes(of: (UInt32(kind) << 24).bigEndian, toByteOffset: 28, as: UInt32.self)
        bytes.storeBytes(of: baseOffset.value.bigEndian, toByteOffset: 32, as: Int64.self)
        bytes.storeBytes(of: lastOffset.value.bigEndian, toByteOffset: 40, as: Int64.self)
        bytes.storeBytes(of: appendTime.nanoseconds.bigEndian, toByteOffset: 48, as: Int64.self)
    }

    /// Completes the frame at the front of `bytes` for the place it is written to, and says how
    /// long it is.
    static func seal(
        _ bytes: inout MutableRawSpan, at offset: Int, groupStart: Int, seed: UInt32
    ) -> Int {
        let payloadByteCount = Int(bytes.bytes.int(at: 12, as: UInt32.self))
        let byteCount = byteCount(payload: payloadByteCount)
        let seed = crc32c(UInt64(offset), seed: seed)
        let payload = crc32c(bytes.bytes.extracting(headerByteCount..<byteCount), seed: seed)
        bytes.storeBytes(of: payload.bigEndian, toByteOffset: 8, as: UInt32.self)
        bytes.storeBytes(of: UInt32(groupStart).bigEndian, toByteOffset: 16, as: UInt32.self)
        let header = crc32c(bytes.bytes.extracting(8..<headerByteCount), seed: seed)
        bytes.storeBytes(of: header.bigEndian, toByteOffset: 4, as: UInt32.self)
        return byteCount
    }

    /// The frame whose header is at the front of `bytes`; nil unless its checksum holds at this
    /// place.
    init?(verifying bytes: RawSpan, at offset: Int, seed: UInt32) {
        guard bytes.byteCount >= Self.headerByteCount,
            bytes.int(at: 0, as: UInt32.self) == Self.magic,
            crc32c(
                bytes.extracting(8..<Self.headerByteCount), seed: crc32c(UInt64(offset), seed: seed)
            )
                == bytes.int(at: 4, as: UInt32.self)
        else { return nil }
        self.init(unverified: bytes)
    }

    /// Whether there is room for a header and its magic, for frames that are still in memory.
    static func begins(_ bytes: RawSpan) -> Bool {
        bytes.byteCount >= headerByteCount && bytes.int(at: 0, as: UInt32.self) == magic
    }

    /// For frames that are still in the memory they were built in. At least ``headerByteCount``
    /// bytes.
    init(unverified bytes: RawSpan) {
        kind = bytes.int(at: 28, as: UInt8.self)
        log = LogID(bytes.int(at: 20, as: UInt32.self))
        epoch = bytes.int(at: 24, as: Int32.self)
        baseOffset = Offset(bytes.int(at: 32, as: Int64.self))
        lastOffset = Offset(bytes.int(at: 40, as: Int64.self))
        appendTime = Timestamp(nanoseconds: bytes.int(at: 48, as: Int64.self))
        payloadByteCount = Int(bytes.int(at: 12, as: UInt32.self))
        payloadChecksum = bytes.int(at: 8, as: UInt32.self)
        groupStart = Int(bytes.int(at: 16, as: UInt32.self))
    }

    /// Whether `bytes`, the payload with its padding, is what was written.
    func verifies(payload bytes: RawSpan, at offset: Int, seed: UInt32) -> Bool {
        crc32c(bytes, seed: crc32c(UInt64(offset), seed: seed)) == payloadChecksum
    }

    /// The checksum seed of a file.
    static func seed(folder id: [UInt8], file number: UInt64) -> UInt32 {
        crc32c(number, seed: crc32c(id.span.bytes))
    }
}
