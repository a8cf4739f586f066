import Bytes
import CZstd

/// Zstandard frames, one or several back to back.
///
/// All unsafe use of libzstd is in this file: the library keeps no pointer from one call to the
/// next, apart from its own context. A frame that asks for a window above 128 MiB is refused by the
/// library.
struct ZstdDecoder: ~Copyable {
    private let context: OpaquePointer

    init() throws(CompressionError) {
        guard let context = unsafe ZSTD_createDCtx() else { throw .outOfMemory }
        unsafe self.context = context
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    mutating func decompress(
        _ bytes: RawSpan, into output: inout GrowingBytes, limit: Int
    ) throws(CompressionError) {
        guard bytes.byteCount > 0 else { throw .corrupt(.zstd) }
        unsafe ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
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
            if (position, output.count) == before { throw .corrupt(.zstd) }
        }
    }

    /// Returns 0 where a frame is complete and all of it has come out.
    private mutating func step(
        _ bytes: RawSpan, _ position: inout Int, into output: inout GrowingBytes, room: Int
    ) throws(CompressionError) -> Int {
        var hint = 0
        var consumed = 0
        let rest = bytes.from(position)
        unsafe output.appendUnsafely(upTo: room) { target in
            unsafe rest.withUnsafeBytes { input in
                var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
                var sink = unsafe ZSTD_outBuffer(dst: target, size: room, pos: 0)
                hint = unsafe ZSTD_decompressStream(context, &sink, &source)
                consumed = unsafe source.pos
                return unsafe sink.pos
            }
        }
        guard ZSTD_isError(hint) == 0 else { throw .corrupt(.zstd) }
        position += consumed
        return hint
    }
}

enum ZstdEncoder {
    static func compress(
        _ bytes: RawSpan, into output: inout GrowingBytes
    ) throws(CompressionError) {
        let limit = ZSTD_compressBound(bytes.byteCount)
        unsafe try output.appendUnsafely(upTo: limit) { target throws(CompressionError) in
            let written = unsafe bytes.withUnsafeBytes { input in
                unsafe ZSTD_compress(target, limit, input.baseAddress, input.count, 3)
            }
            guard ZSTD_isError(written) == 0 else { throw .outOfMemory }
            return written
        }
    }
}
