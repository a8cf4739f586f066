/// Takes the client's frames apart.
///
///      0               1               2               3
///     |F R R R opcode  |M length       | 16 or 64 bits of length, if it is 126 or 127
///     | masking key, if M              | payload …
///
/// Payload is unmasked on its way to where it is wanted, as it comes: a frame may be longer than
/// any buffer. Only compressed messages are gathered, up to a limit, since they are short.
///
/// Source: RFC 6455 section 5.2, RFC 7692 section 6.
///
/// Unsafe has an address here: input is taken from a buffer that its owner keeps for the time of
/// a call, and put to memory that has room for as much.
struct WebSocketDecoder {
    enum Opcode: UInt8 {
        case continuation = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10

        var isControl: Bool { rawValue >= 8 }
    }

    enum Event: Equatable {
        /// All input is taken.
        case incomplete
        /// So many bytes were put into the memory.
        case content(Int)
        /// A whole compressed message, still compressed.
        case compressed([UInt8])
        case ping([UInt8])
        /// The peer ends; nil: it gives no code.
        case close(UInt16?)
        case fault(String, WebSocketClose.Code)
    }

    /// Source: RFC 6455 section 5.5.
    static let controlLimit = 125

    let requiresMask: Bool
    let mayCompress: Bool
    let messageLimit: Int

    private var header: [UInt8] = []
    /// Nil while a header is gathered.
    private var opcode: Opcode?
    private var remaining: UInt64 = 0
    private var mask: UInt64 = 0
    private var isFinal = false
    /// Inside a message whose last frame has not begun.
    private var expectsContinuation = false
    private var isCompressed = false
    private var gathered: [UInt8] = []

    init(requiresMask: Bool, mayCompress: Bool, messageLimit: Int) {
        self.requiresMask = requiresMask
        self.mayCompress = mayCompress
        self.messageLimit = messageLimit
    }

    /// The next thing in `input`, which is shortened by it. `memory` has room for all of `input`.
    mutating func next(
        _ input: inout UnsafeRawBufferPointer, into memory: UnsafeMutableRawPointer
    ) -> Event {
        while true {
            guard let opcode else {
                if let event = readHeader(&input) { return event }
                continue
            }
            if opcode.isControl {
                guard gather(&input) else { return .incomplete }
                return endControl(opcode)
            }
            if isCompressed {
                guard UInt64(gathered.count) + remaining <= UInt64(messageLimit) else {
                    return .fault("message too big", .messageTooBig)
                }
                guard gather(&input) else { return .incomplete }
                self.opcode = nil
                guard isFinal else { continue }
                isCompressed = false
                defer { gathered = [] }
                return .compressed(gathered)
            }
            let count = Int(min(UInt64(input.count), remaining))
            if remaining == 0 || count == 0 {
                if remaining > 0 { return .incomplete }
                self.opcode = nil
                continue
            }
            unmask(input, count, into: memory)
            input = UnsafeRawBufferPointer(rebasing: input[count...])
            remaining -= UInt64(count)
            if remaining == 0 { self.opcode = nil }
            return .content(count)
        }
    }

    // MARK: Header

    /// Nil: goes on, with a header or without.
    private mutating func readHeader(_ input: inout UnsafeRawBufferPointer) -> Event? {
        var needed = 2
        while true {
            while header.count < needed {
                guard let byte = input.first else { return .incomplete }
                header.append(byte)
                input = UnsafeRawBufferPointer(rebasing: input.dropFirst())
            }
            if needed == 2 {
                if let fault = judgeHeader() { return .fault(fault, .protocolError) }
                needed += header[1] & 0x7F == 126 ? 2 : header[1] & 0x7F == 127 ? 8 : 0
                if header[1] & 0x80 != 0 { needed += 4 }
                if needed > 2 { continue }
            }
            return takeHeader()
        }
    }

    /// The first two bytes.
    private func judgeHeader() -> String? {
        let (first, second) = (header[0], header[1])
        if first & 0x30 != 0 { return "RSV2 and RSV3 must be clear" }
        if requiresMask, second & 0x80 == 0 { return "mask bit missing" }
        let isFinal = first & 0x80 != 0
        let isCompressed = first & 0x40 != 0
        guard let opcode = Opcode(rawValue: first & 0x0F) else {
            return "unknown opcode \(first & 0x0F)"
        }
        if opcode.isControl {
            if second & 0x7F > Self.controlLimit {
                return "control frame length bigger than maximum allowed of 125 bytes"
            }
            if !isFinal { return "control frame does not have final bit set" }
            return isCompressed ? "control frame should not be compressed" : nil
        }
        if opcode == .continuation {
            return !expectsContinuation || isCompressed ? "invalid continuation frame" : nil
        }
        if expectsContinuation {
            return "new message started before final frame for previous message was received"
        }
        return isCompressed && !mayCompress
            ? "compressed frame received without negotiated permessage-deflate" : nil
    }

    private mutating func takeHeader() -> Event? {
        var position = 2
        var length = UInt64(header[1] & 0x7F)
        if length >= 126 {
            let size = length == 126 ? 2 : 8
            length = header[2..<2 + size].reduce(0) { $0 << 8 | UInt64($1) }
            position += size
        }
        // Source: RFC 6455 section 5.2: the most significant bit must be 0.
        if length > UInt64(Int64.max) {
            return .fault("invalid websocket frame: MSB set in 64-bit payload length", .protocolError)
        }
        mask = 0
        if header[1] & 0x80 != 0 {
            // The four bytes, twice, with the first in the lowest.
            let word = header[position..<position + 4].reversed().reduce(0) { $0 << 8 | UInt64($1) }
            mask = word | word << 32
        }
        remaining = length
        let opcode = Opcode(rawValue: header[0] & 0x0F)!
        isFinal = header[0] & 0x80 != 0
        if !opcode.isControl {
            if opcode != .continuation { isCompressed = header[0] & 0x40 != 0 }
            expectsContinuation = !isFinal
        } else {
            controlPayload = []
        }
        self.opcode = opcode
        header.removeAll(keepingCapacity: true)
        return nil
    }

    // MARK: Payload

    private var controlPayload: [UInt8] = []

    /// Unmasks into `gathered`, or the control frame's payload. True: that was all.
    private mutating func gather(_ input: inout UnsafeRawBufferPointer) -> Bool {
        let count = Int(min(UInt64(input.count), remaining))
        if count > 0 {
            let piece = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                unmask(input, count, into: UnsafeMutableRawPointer(buffer.baseAddress!))
                initialized = count
            }
            if opcode!.isControl { controlPayload += piece } else { gathered += piece }
            input = UnsafeRawBufferPointer(rebasing: input[count...])
            remaining -= UInt64(count)
        }
        return remaining == 0
    }

    /// Eight bytes at a time; leaves the mask turned to where the next byte stands.
    private mutating func unmask(
        _ input: UnsafeRawBufferPointer, _ count: Int, into memory: UnsafeMutableRawPointer
    ) {
        let source = input.baseAddress!
        if mask == 0 { return memory.copyMemory(from: source, byteCount: count) }
        var position = 0
        while position + 8 <= count {
            let word = source.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            memory.storeBytes(
                of: word ^ UInt64(littleEndian: mask), toByteOffset: position, as: UInt64.self)
            position += 8
        }
        var key = mask
        while position < count {
            let byte = source.load(fromByteOffset: position, as: UInt8.self)
            memory.storeBytes(
                of: byte ^ UInt8(truncatingIfNeeded: key), toByteOffset: position, as: UInt8.self)
            key = key >> 8 | key << 56
            position += 1
        }
        let turn = UInt64(count & 3) * 8
        if turn > 0 { mask = mask >> turn | mask << (64 - turn) }
    }

    private mutating func endControl(_ opcode: Opcode) -> Event {
        self.opcode = nil
        let payload = controlPayload
        controlPayload = []
        switch opcode {
        case .ping: return .ping(payload)
        case .close: return Self.close(payload)
        default: return .content(0)
        }
    }

    /// Source: RFC 6455 section 5.5.1.
    private static func close(_ payload: [UInt8]) -> Event {
        if payload.isEmpty { return .close(nil) }
        if payload.count == 1 {
            return .fault("close frame payload cannot be 1 byte", .protocolError)
        }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        let isValid = String(validating: payload[2...], as: UTF8.self) != nil
        return .close(isValid ? code : WebSocketClose.Code.invalidPayload.rawValue)
    }
}
