import Bytes

/// How a batch's records are compressed: one stream behind the 61-byte header.
public enum Compression: UInt8, Sendable, CaseIterable {
    case none = 0
    /// RFC 1952.
    case gzip
    /// One bare block, or Xerial's chunks; see ``SnappyCodec``.
    case snappy
    /// LZ4 frames.
    case lz4
    /// Zstandard frames.
    case zstd
}

/// Why compressed bytes could not be had.
public enum CompressionError: Error, Equatable, Sendable {
    /// Not a complete stream of its codec.
    case corrupt(Compression)
    /// The output would be larger than the limit: a decompression bomb, or a limit too small.
    case outputTooLarge(limit: Int)
    /// The library has no memory.
    case outOfMemory
}

/// Decompresses batch payloads, keeping each codec's working memory from one to the next.
public struct Decompressor: ~Copyable {
    private var gzip: GzipDecoder?
    private var lz4: LZ4Decoder?
    private var zstd: ZstdDecoder?

    public init() {}

    /// Appends what `bytes` decompress to.
    ///
    /// - Throws: `outputTooLarge` as soon as more than `limit` bytes would come out; at most
    ///   `limit` were written. After any error `output` is as it was before.
    public mutating func decompress(
        _ bytes: RawSpan, as compression: Compression, into output: inout GrowingBytes, limit: Int
    ) throws(CompressionError) {
        let start = output.count
        do throws(CompressionError) {
            switch compression {
            case .none:
                guard bytes.byteCount <= limit else { throw .outputTooLarge(limit: limit) }
                output.append(bytes)
            case .gzip:
                if gzip == nil { gzip = try GzipDecoder() }
                try gzip!.decompress(bytes, into: &output, limit: limit)
            case .snappy:
                try SnappyCodec.decompress(bytes, into: &output, limit: limit)
            case .lz4:
                if lz4 == nil { lz4 = try LZ4Decoder() }
                try lz4!.decompress(bytes, into: &output, limit: limit)
            case .zstd:
                if zstd == nil { zstd = try ZstdDecoder() }
                try zstd!.decompress(bytes, into: &output, limit: limit)
            }
        } catch {
            output.truncate(to: start)
            throw error
        }
    }
}

extension Compression {
    /// Appends the compressed form of `bytes`, at the codec's usual level.
    public func compress(
        _ bytes: RawSpan, into output: inout GrowingBytes
    ) throws(CompressionError) {
        switch self {
        case .none: output.append(bytes)
        case .gzip: try GzipEncoder.compress(bytes, into: &output)
        case .snappy: try SnappyCodec.compressInChunks(bytes, into: &output)
        case .lz4: try LZ4Encoder.compress(bytes, into: &output)
        case .zstd: try ZstdEncoder.compress(bytes, into: &output)
        }
    }
}
