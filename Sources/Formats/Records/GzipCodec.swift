import Bytes
import CZlib

/// Gzip members (RFC 1952), one or several back to back.
///
/// All unsafe use of zlib is in this file. The stream lives on the heap because zlib keeps its
/// address; input and output pointers are set anew for each call and cleared behind it.
struct GzipDecoder: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>

    init() throws(CompressionError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 bits of window, + 16: the gzip wrapper with its checksum.
        let status = unsafe inflateInit2_(
            stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            unsafe stream.deallocate()
            throw .outOfMemory
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    mutating func decompress(
        _ bytes: RawSpan, into output: inout GrowingBytes, limit: Int
    ) throws(CompressionError) {
        guard bytes.byteCount > 0, bytes.byteCount <= Int(UInt32.max) else { throw .corrupt(.gzip) }
        unsafe inflateReset(stream)
        let end = output.count + limit
        var position = 0
        while true {
            let room = min(
                max(4 * (bytes.byteCount - position), 4096), 1 << 20, end - output.count + 1)
            let status = step(bytes, &position, into: &output, room: room)
            guard output.count <= end else { throw .outputTooLarge(limit: limit) }
            switch status {
            case Z_OK:
                continue
            case Z_BUF_ERROR:
                // No progress with room left: the input ends in the middle.
                throw .corrupt(.gzip)
            case Z_STREAM_END:
                if position == bytes.byteCount { return }
                unsafe inflateReset(stream)
            case Z_MEM_ERROR:
                throw .outOfMemory
            default:
                throw .corrupt(.gzip)
            }
        }
    }

    private mutating func step(
        _ bytes: RawSpan, _ position: inout Int, into output: inout GrowingBytes, room: Int
    ) -> Int32 {
        var status = Z_OK
        let start = position
        var consumed = 0
        unsafe output.appendUnsafely(upTo: room) { target in
            unsafe bytes.from(start).withUnsafeBytes { input in
                // zlib takes a mutable input pointer and only reads through it.
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                unsafe stream.pointee.avail_in = UInt32(input.count)
                unsafe stream.pointee.next_out = target.assumingMemoryBound(to: UInt8.self)
                unsafe stream.pointee.avail_out = UInt32(room)
                status = unsafe inflate(stream, Z_NO_FLUSH)
                consumed = unsafe input.count - Int(stream.pointee.avail_in)
                unsafe stream.pointee.next_in = nil
                unsafe stream.pointee.next_out = nil
                return unsafe room - Int(stream.pointee.avail_out)
            }
        }
        position += consumed
        return status
    }
}

enum GzipEncoder {
    static func compress(
        _ bytes: RawSpan, into output: inout GrowingBytes
    ) throws(CompressionError) {
        guard bytes.byteCount <= Int(UInt32.max) else { throw .outOfMemory }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        defer { unsafe stream.deallocate() }
        let opened = unsafe deflateInit2_(
            stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard opened == Z_OK else { throw .outOfMemory }
        defer { unsafe deflateEnd(stream) }
        let limit = unsafe Int(deflateBound(stream, UInt(bytes.byteCount)))
        unsafe try output.appendUnsafely(upTo: limit) { target throws(CompressionError) in
            let status = unsafe bytes.withUnsafeBytes { input in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                unsafe stream.pointee.avail_in = UInt32(input.count)
                unsafe stream.pointee.next_out = target.assumingMemoryBound(to: UInt8.self)
                unsafe stream.pointee.avail_out = UInt32(limit)
                return unsafe deflate(stream, Z_FINISH)
            }
            guard status == Z_STREAM_END else { throw .outOfMemory }
            return unsafe limit - Int(stream.pointee.avail_out)
        }
    }
}
