import Bytes
import CLZ4

/// LZ4 frames, one or several back to back.
///
/// All unsafe use of liblz4 is in this file: the library keeps no pointer from one call to the
/// next, apart from its own context.
struct LZ4Decoder: ~Copyable {
    private let context: OpaquePointer

    init() throws(CompressionError) {
        var context: OpaquePointer?
        let status = unsafe LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(status) == 0, let context = unsafe context else { throw .outOfMemory }
        unsafe self.context = context
    }

    deinit { unsafe LZ4F_freeDecompressionContext(context) }

    mutating func decompress(
        _ bytes: RawSpan, into output: inout GrowingBytes, limit: Int
    ) throws(CompressionError) {
        guard bytes.byteCount > 0 else { throw .corrupt(.lz4) }
        unsafe LZ4F_resetDecompressionContext(context)
        let end = output.count + limit
        var position = 0
        while true {
            let room = min(
                max(4 * (bytes.byteCount - position), 4096), 1 << 20, end - output.count + 1)
            let before = (position, output.count)
            let hint = try step(bytes, &position, into: &output, room: room)
            guard output.count <= end else { throw .outputTooLarge(limit: limit) }
            if hint == 0, position == bytes.byteCount { return }
            // Neither read nor wrote: the input ends in the middle of a frame.
            if (position, output.count) == before { throw .corrupt(.lz4) }
        }
    }

    /// Returns 0 where a frame is complete.
    private mutating func step(
        _ bytes: RawSpan, _ position: inout Int, into output: inout GrowingBytes, room: Int
    ) throws(CompressionError) -> Int {
        var hint = 0
        var consumed = bytes.byteCount - position
        let rest = bytes.from(position)
        unsafe output.appendUnsafely(upTo: room) { target in
            var written = room
            hint = unsafe rest.withUnsafeBytes { input in
                unsafe LZ4F_decompress(context, target, &written, input.baseAddress, &consumed, nil)
            }
            return LZ4F_isError(hint) == 0 ? written : 0
        }
        guard LZ4F_isError(hint) == 0 else { throw .corrupt(.lz4) }
        position += consumed
        return hint
    }
}

enum LZ4Encoder {
    /// As Java's producer: independent blocks of at most 64 KiB, no checksums.
    static func compress(
        _ bytes: RawSpan, into output: inout GrowingBytes
    ) throws(CompressionError) {
        var preferences = LZ4F_preferences_t()
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        let limit = unsafe LZ4F_compressFrameBound(bytes.byteCount, &preferences)
        unsafe try output.appendUnsafely(upTo: limit) { target throws(CompressionError) in
            let written = unsafe bytes.withUnsafeBytes { input in
                unsafe LZ4F_compressFrame(
                    target, limit, input.baseAddress, input.count, &preferences)
            }
            guard LZ4F_isError(written) == 0 else { throw .outOfMemory }
            return written
        }
    }
}
