import CZlib

/// Frames by hand, so that they can be wrong.
final class WebSocketClient {
    let plain: Client
    /// What the server has answered to the request.
    let answer: String

    init(port: Int, _ headers: [String] = [], target: String = "/") {
        plain = Client(port: port)
        plain.send(Self.request(headers, target: target))
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
            let byte = plain.receive(1)
            if byte.isEmpty { break }
            head += byte
        }
        answer = String(decoding: head, as: UTF8.self)
    }

    static func request(_ headers: [String] = [], target: String = "/") -> String {
        let lines = [
            "GET \(target) HTTP/1.1", "Host: localhost:80", "Upgrade: websocket",
            "Connection: keep-alive, Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        ]
        return (lines + headers).joined(separator: "\r\n") + "\r\n\r\n"
    }

    static let mask: [UInt8] = [0x11, 0x22, 0x33, 0x44]

    /// A frame as clients send it.
    static func frame(
        _ first: UInt8, _ payload: [UInt8], mask: [UInt8]? = WebSocketClient.mask
    ) -> [UInt8] {
        var frame = [first]
        let bit: UInt8 = mask == nil ? 0 : 0x80
        if payload.count < 126 {
            frame.append(bit | UInt8(payload.count))
        } else if payload.count < 65536 {
            frame += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        } else {
            frame += [bit | 127] + (0..<8).reversed().map { UInt8(payload.count >> ($0 * 8) & 255) }
        }
        guard let mask else { return frame + payload }
        return frame + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    func send(_ text: String) { plain.send(Self.frame(0x82, Array(text.utf8))) }

    /// The first byte and the payload of the next frame; nil at the end.
    func frame() -> (first: UInt8, payload: [UInt8])? {
        let head = plain.receive(2)
        guard head.count == 2 else { return nil }
        var length = Int(head[1])
        if length >= 126 {
            length = plain.receive(length == 126 ? 2 : 8).reduce(0) { $0 << 8 | Int($1) }
        }
        return (head[0], plain.receive(length))
    }

    func text() -> String? { frame().map { String(decoding: $0.payload, as: UTF8.self) } }

    /// A raw deflate stream without the empty block at its end.
    static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count / 100 + 1000 + bytes.count)
        let made = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                deflate(&stream, Z_SYNC_FLUSH)
                return target.count - Int(stream.avail_out)
            }
        }
        return Array(output[..<(made - 4)])
    }

    static func inflated(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        defer { inflateEnd(&stream) }
        var input = bytes + [0, 0, 255, 255]
        var output = [UInt8](repeating: 0, count: 1 << 20)
        let made = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                inflate(&stream, Z_SYNC_FLUSH)
                return target.count - Int(stream.avail_out)
            }
        }
        return Array(output[..<made])
    }
}
