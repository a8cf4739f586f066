import CZlib

/// Compresses messages, each by itself. Source: RFC 7692 section 7.2.1.
///
/// All unsafe use of zlib in this target is in this file. The streams live on the heap because
/// zlib keeps their address; input and output pointers are set anew for each call.
final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private var output: UnsafeMutableRawBufferPointer

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, Z_BEST_SPEED, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib: \(status)")
        output = .allocate(byteCount: 80 << 10, alignment: 16)
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        output.deallocate()
    }

    /// Hands the compressed bytes to `body`, which must not keep them.
    func compress(
        _ bytes: UnsafeRawPointer, _ count: Int, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        deflateReset(stream)
        let bound = Int(deflateBound(stream, UInt(count))) + 16
        if output.count < bound {
            output.deallocate()
            output = .allocate(byteCount: bound, alignment: 16)
        }
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: bytes.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(count)
        stream.pointee.next_out = output.baseAddress!.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(output.count)
        let status = deflate(stream, Z_SYNC_FLUSH)
        precondition(status == Z_OK && stream.pointee.avail_in == 0, "zlib: \(status)")
        let made = output.count - Int(stream.pointee.avail_out)
        // The empty block at the end is not sent.
        body(UnsafeRawBufferPointer(rebasing: output[..<(made - 4)]))
    }
}

/// Decompresses messages piece by piece, each by itself. Source: RFC 7692 section 7.2.2.
final class Inflater {
    enum Outcome: Equatable { case more, done, corrupt }

    private let stream: UnsafeMutablePointer<z_stream>
    private var input: [UInt8] = []
    private var position = 0

    init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(status == Z_OK, "zlib: \(status)")
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Begins with a message, as it came.
    func begin(_ message: [UInt8]) {
        inflateReset(stream)
        input = message + [0x00, 0x00, 0xFF, 0xFF]
        position = 0
    }

    /// Puts the next bytes of the message, at most `capacity`, into `memory`.
    func next(
        into memory: UnsafeMutableRawPointer, capacity: Int
    ) -> (count: Int, outcome: Outcome) {
        stream.pointee.next_out = memory.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(capacity)
        let status = input.withUnsafeMutableBufferPointer { buffer in
            stream.pointee.next_in = buffer.baseAddress! + position
            stream.pointee.avail_in = UInt32(buffer.count - position)
            return inflate(stream, Z_NO_FLUSH)
        }
        position = input.count - Int(stream.pointee.avail_in)
        let count = capacity - Int(stream.pointee.avail_out)
        switch status {
        case Z_OK where stream.pointee.avail_out == 0: return (count, .more)
        case Z_OK, Z_STREAM_END, Z_BUF_ERROR:
            input = []
            return (count, .done)
        default:
            input = []
            return (count, .corrupt)
        }
    }
}
