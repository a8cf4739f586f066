import Bytes
import NATSProtocol

/// Bytes as a client sends them: the commands must be the same however they are cut, lie inside the
/// bytes, and move on. The first byte chooses how.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let input = [UInt8](UnsafeBufferPointer(start: data, count: count))
    let bytes = Array(input.dropFirst())
    let whole = commands(in: bytes, step: bytes.count, allowsHeaders: input[0] & 1 == 1)
    let pieces = commands(
        in: bytes, step: 1 + Int(input[0] >> 1), allowsHeaders: input[0] & 1 == 1)
    // How much of a line that has no end yet is too long depends on what is there of it.
    let tooLong = "\(ClientCommand.controlLineTooLong)"
    if let index = [whole.firstIndex(of: tooLong), pieces.firstIndex(of: tooLong)].compactMap({ $0 }).min() {
        precondition(whole.prefix(index) == pieces.prefix(index), "\(whole) differs from \(pieces)")
    } else {
        precondition(whole == pieces, "\(whole) differs from \(pieces)")
    }
    return 0
}

/// What the parser says of `bytes` that come `step` at a time.
private func commands(in bytes: [UInt8], step: Int, allowsHeaders: Bool) -> [String] {
    var found: [String] = []
    var start = 0
    var end = 0
    while true {
        end = min(bytes.count, end + step)
        // A copy of its own, so that the address sanitizer sees what lies beyond.
        let held = Array(bytes[start..<end])
        var position = 0
        loop: while true {
            var parser = ClientParser(maximumControlLine: 200, maximumPayload: 300)
            parser.allowsHeaders = allowsHeaders
            let command = parser.next(held.span.bytes, at: position)
            switch command {
            case .incomplete: break loop
            case .unknownOperation, .controlLineTooLong, .payloadTooLarge, .badArguments:
                return found + ["\(command)"]
            default: break
            }
            precondition(parser.end > position && parser.end <= held.count)
            found.append(describe(command, parser, held))
            position = parser.end
        }
        start += position
        if end == bytes.count { return found }
    }
}

private func describe(
    _ command: ClientCommand, _ parser: ClientParser, _ bytes: [UInt8]
) -> String {
    func text(_ range: ByteRange) -> String { "\(Array(bytes[range.start..<range.end]))" }
    switch command {
    case .publish:
        precondition(parser.headerByteCount <= parser.totalByteCount)
        precondition(parser.hasHeaders == (parser.headerByteCount > 0))
        let payload = bytes[parser.payloadStart..<parser.payloadStart + parser.totalByteCount]
        return "publish \(text(parser.subject)) \(text(parser.reply)) \(parser.headerByteCount) "
            + "\(parser.isCanonical) \(Array(payload))"
    case .subscribe:
        return "subscribe \(text(parser.subject)) \(text(parser.queue)) \(text(parser.sid))"
    case .unsubscribe: return "unsubscribe \(text(parser.sid)) \(parser.maximum)"
    case .connect:
        let argument = Array(bytes[parser.argument.start..<parser.argument.end])
        let options = try? ConnectOptions(parsing: argument.span.bytes)
        return "connect \(argument) \(options != nil)"
    default: return "\(command)"
    }
}
