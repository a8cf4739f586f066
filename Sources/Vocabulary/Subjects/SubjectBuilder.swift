import Bytes

/// Puts a subject together, piece by piece.
struct SubjectBuilder: ~Escapable {
    private(set) var bytes: [UInt8] = []
    private let subject: RawSpan
    private let tokens: [Range<Int>]
    private let random: UInt64

    private static let separator = UInt8(ascii: ".")

    /// - Parameter tokens: where those of `subject` lie.
    @_lifetime(copy subject)
    init(_ subject: RawSpan, _ tokens: [Range<Int>], random: UInt64) {
        self.subject = subject
        self.tokens = tokens
        self.random = random
        bytes.reserveCapacity(subject.byteCount + 32)
    }

    /// Everything from the token at `place` on.
    mutating func appendRest(from place: Int) {
        separate()
        append(tokens[place].lowerBound..<subject.byteCount)
    }

    mutating func append(_ piece: SubjectTransform.Piece) {
        separate()
        switch piece {
        case .literal(let text): bytes += text
        case .token(let place): append(tokens[place])
        case .partition(let count, let places): append(number: partition(count, places))
        case .random(let count):
            append(number: count > 0 ? Int(random % UInt64(count)) : 0)
        case .split(let place, let delimiter): split(tokens[place], delimiter)
        case .splitFromLeft(let place, let position): cut(tokens[place], position)
        case .splitFromRight(let place, let position):
            cut(tokens[place], tokens[place].count - position)
        case .sliceFromLeft(let place, let size): slice(tokens[place], size, first: size)
        case .sliceFromRight(let place, let size):
            let rest = size > 0 ? tokens[place].count % size : 0
            slice(tokens[place], size, first: rest > 0 ? rest : size)
        case .left(let place, let count):
            let token = tokens[place]
            append(isInside(count, token) ? token.prefix(count) : token)
        case .right(let place, let count):
            let token = tokens[place]
            append(isInside(count, token) ? token.suffix(count) : token)
        }
    }

    private mutating func separate() { if !bytes.isEmpty { bytes.append(Self.separator) } }

    private mutating func append(_ range: Range<Int>) {
        bytes += [UInt8](copying: subject.extracting(range))
    }

    private mutating func append(number: Int) { bytes += Array(String(number).utf8) }

    private func isInside(_ count: Int, _ token: Range<Int>) -> Bool {
        count > 0 && count < token.count
    }

    private mutating func cut(_ token: Range<Int>, _ position: Int) {
        guard isInside(position, token) else { return append(token) }
        append(token.prefix(position))
        bytes.append(Self.separator)
        append(token.dropFirst(position))
    }

    /// Pieces of `size` bytes, but for the first, and the last where nothing more is left.
    private mutating func slice(_ token: Range<Int>, _ size: Int, first: Int) {
        guard isInside(size, token) else { return append(token) }
        var rest = token
        var length = first
        while !rest.isEmpty {
            append(rest.prefix(length))
            rest = rest.dropFirst(length)
            length = size
            if !rest.isEmpty { bytes.append(Self.separator) }
        }
    }

    /// As nats-server has it: an empty part leaves no token, but two delimiters at the very
    /// beginning leave an empty one.
    private mutating func split(_ token: Range<Int>, _ delimiter: [UInt8]) {
        let parts = parts(of: token, delimiter)
        for (place, part) in parts.enumerated() {
            append(part)
            let isLast = place == parts.count - 1
            if !isLast, !parts[place + 1].isEmpty, !(place == 0 && part.isEmpty) {
                bytes.append(Self.separator)
            }
        }
    }

    private func parts(of token: Range<Int>, _ delimiter: [UInt8]) -> [Range<Int>] {
        if delimiter.isEmpty { return characters(of: token) }
        var parts: [Range<Int>] = []
        var start = token.lowerBound
        var position = start
        while position + delimiter.count <= token.upperBound {
            if subject.extracting(position..<position + delimiter.count)
                .hasSameBytes(as: delimiter.span.bytes)
            {
                parts.append(start..<position)
                position += delimiter.count
                start = position
            } else {
                position += 1
            }
        }
        parts.append(start..<token.upperBound)
        return parts
    }

    /// Each UTF-8 character.
    private func characters(of token: Range<Int>) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        for position in token {
            let continues = subject[byteAt: position] & 0xC0 == 0x80
            if continues, let last = parts.last {
                parts[parts.count - 1] = last.lowerBound..<position + 1
            } else {
                parts.append(position..<position + 1)
            }
        }
        return parts
    }

    /// FNV-1a of the tokens, one behind the other, in 32 bits.
    private func partition(_ count: Int32, _ places: [Int]) -> Int {
        guard count > 0 else { return 0 }
        var hash: UInt32 = 2_166_136_261
        func mix(_ range: Range<Int>) {
            for position in range {
                hash = (hash ^ UInt32(subject[byteAt: position])) &* 16_777_619
            }
        }
        if places.isEmpty { mix(0..<subject.byteCount) }
        for place in places { mix(tokens[place]) }
        return Int(hash % UInt32(count))
    }
}
