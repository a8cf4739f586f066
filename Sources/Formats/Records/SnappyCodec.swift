import Bytes
import CSnappy

/// Snappy as Kafka's clients write it: one bare block, or Xerial's chunks.
///
/// Chunks: magic 82 'SNAPPY' 00, int32 version, int32 oldest compatible version, then for each
/// chunk an int32 length and a bare block. All integers are big endian. Java writes chunks of at
/// most 32 KiB of input, librdkafka one bare block; a reader must take both.
///
/// All unsafe use of libsnappy is in this file: each call gets a pointer with its own length and
/// keeps neither.
enum SnappyCodec {
    private static let magic: [UInt8] = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0x00]
    private static let chunkHeaderByteCount = 16
    private static let chunkInputByteCount = 32 * 1024

    static func decompress(
        _ bytes: RawSpan, into output: inout GrowingBytes, limit: Int
    ) throws(CompressionError) {
        guard bytes.hasPrefix(magic.span.bytes) else {
            return try decompressBlock(bytes, into: &output, limit: limit)
        }
        guard bytes.byteCount >= chunkHeaderByteCount else { throw .corrupt(.snappy) }
        let end = output.count + limit
        var reader = ByteReader(bytes.from(chunkHeaderByteCount))
        while !reader.isAtEnd {
            do {
                let byteCount = try reader.int(Int32.self)
                let block = try reader.bytes(Int(byteCount))
                try decompressBlock(block, into: &output, limit: end - output.count)
            } catch let error as CompressionError {
                // The limit that the caller knows, not what is left of it.
                if case .outputTooLarge = error { throw .outputTooLarge(limit: limit) }
                throw error
            } catch {
                throw .corrupt(.snappy)
            }
        }
    }

    private static func decompressBlock(
        _ block: RawSpan, into output: inout GrowingBytes, limit: Int
    ) throws(CompressionError) {
        var byteCount = 0
        let status = unsafe block.withUnsafeBytes { input in
            guard let start = input.baseAddress else { return SNAPPY_INVALID_INPUT }
            return unsafe snappy_uncompressed_length(
                start.assumingMemoryBound(to: CChar.self), input.count, &byteCount)
        }
        guard status == SNAPPY_OK else { throw .corrupt(.snappy) }
        guard byteCount <= limit else { throw .outputTooLarge(limit: limit) }
        // Snappy cannot expand beyond 64 output bytes for 3 input bytes, so a larger claim is a
        // lie: refused before memory is taken for it.
        guard byteCount / 32 <= block.byteCount else { throw .corrupt(.snappy) }
        unsafe try output.appendUnsafely(upTo: byteCount) { target throws(CompressionError) in
            var written = byteCount
            let status = unsafe block.withUnsafeBytes { input in
                guard let start = input.baseAddress else { return SNAPPY_INVALID_INPUT }
                return unsafe snappy_uncompress(
                    start.assumingMemoryBound(to: CChar.self), input.count,
                    target.assumingMemoryBound(to: CChar.self), &written)
            }
            guard status == SNAPPY_OK else { throw .corrupt(.snappy) }
            return written
        }
    }

    /// Java's form.
    static func compressInChunks(
        _ bytes: RawSpan, into output: inout GrowingBytes
    ) throws(CompressionError) {
        output.append(magic)
        output.int(Int32(1))
        output.int(Int32(1))
        var position = 0
        while position < bytes.byteCount {
            let end = min(position + chunkInputByteCount, bytes.byteCount)
            let lengthPosition = output.count
            output.int(Int32(0))
            try compressBlock(bytes.extracting(position..<end), into: &output)
            output.patch(Int32(output.count - lengthPosition - 4), at: lengthPosition)
            position = end
        }
    }

    /// librdkafka's form.
    static func compressBlock(
        _ bytes: RawSpan, into output: inout GrowingBytes
    ) throws(CompressionError) {
        let limit = snappy_max_compressed_length(bytes.byteCount)
        unsafe try output.appendUnsafely(upTo: limit) { target throws(CompressionError) in
            var written = limit
            let status = unsafe bytes.withUnsafeBytes { input in
                guard let start = input.baseAddress else { return SNAPPY_INVALID_INPUT }
                return unsafe snappy_compress(
                    start.assumingMemoryBound(to: CChar.self), input.count,
                    target.assumingMemoryBound(to: CChar.self), &written)
            }
            guard status == SNAPPY_OK else { throw .corrupt(.snappy) }
            return written
        }
    }
}
