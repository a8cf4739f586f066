/// Puts frames around what the server sends.
///
/// Unsafe has an address here: content is borrowed for the time of a call.
final class WebSocketFramer: Sendable {
    private let compresses: Bool
    private let isBrowser: Bool
    private let keepsCompressedWhole: Bool

    /// Browsers get messages in frames of no more than this, as nats-server sends them.
    static let browserFrameByteCount = 4096
    /// What is shorter does not get shorter by compression.
    static let compressionThreshold = 64

    init(_ request: WebSocketRequest) {
        compresses = request.compresses
        isBrowser = request.isBrowser
        keepsCompressedWhole = request.keepsCompressedWhole
    }

    /// Adds `count` bytes as one binary message.
    func frame(
        _ bytes: UnsafeRawPointer, _ count: Int, into wire: inout WireBuffer, _ deflater: Deflater
    ) {
        guard compresses, count >= Self.compressionThreshold else {
            return split(bytes, count, isCompressed: false, into: &wire)
        }
        deflater.compress(bytes, count) { compressed in
            split(compressed.baseAddress!, compressed.count, isCompressed: true, into: &wire)
        }
    }

    private func split(
        _ bytes: UnsafeRawPointer, _ count: Int, isCompressed: Bool, into wire: inout WireBuffer
    ) {
        let whole = !isBrowser || isCompressed && keepsCompressedWhole
        let limit = whole ? count : min(count, Self.browserFrameByteCount)
        var position = 0
        repeat {
            let piece = min(limit, count - position)
            var first: UInt8 = position == 0 ? WebSocketDecoder.Opcode.binary.rawValue : 0
            if position == 0, isCompressed { first |= 0x40 }
            if position + piece == count { first |= 0x80 }
            wire.append(Self.header(first, piece))
            wire.append(bytes + position, count: piece)
            position += piece
        } while position < count
    }

    private static func header(_ first: UInt8, _ count: Int) -> [UInt8] {
        if count < 126 { return [first, UInt8(count)] }
        if count < 65536 { return [first, 126, UInt8(count >> 8), UInt8(count & 255)] }
        return [first, 127] + (0..<8).reversed().map { UInt8(count >> ($0 * 8) & 255) }
    }

    static func control(_ opcode: WebSocketDecoder.Opcode, _ payload: [UInt8]) -> [UInt8] {
        [0x80 | opcode.rawValue, UInt8(payload.count)] + payload
    }
}
