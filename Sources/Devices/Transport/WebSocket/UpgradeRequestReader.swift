/// Gathers the head of an HTTP/1.1 request, up to a limit, and takes it apart.
///
/// Source: RFC 9112, "HTTP/1.1", sections 3 and 5.
struct UpgradeRequestReader {
    enum Outcome: Equatable {
        case incomplete
        case request(HTTPRequestHead, behind: [UInt8])
        case tooLong
        case malformed
    }

    private var bytes: [UInt8] = []
    /// Where the search for the end goes on.
    private var searched = 0

    static let limit = 64 << 10

    mutating func add(_ more: UnsafeRawBufferPointer) -> Outcome {
        let room = Self.limit - bytes.count
        bytes.append(contentsOf: more.prefix(room))
        guard let end = endOfHead() else { return more.count > room ? .tooLong : .incomplete }
        let behind = Array(bytes[end...]) + more.dropFirst(room)
        guard let head = HTTPRequestHead(bytes[..<end]) else { return .malformed }
        return .request(head, behind: behind)
    }

    /// Behind the empty line.
    private mutating func endOfHead() -> Int? {
        var index = searched
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\n") {
                if index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "\n") {
                    return index + 2
                }
                if index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "\r"),
                    bytes[index + 2] == UInt8(ascii: "\n")
                {
                    return index + 3
                }
            }
            index += 1
        }
        searched = max(0, bytes.count - 2)
        return nil
    }
}

/// The request line and the header fields of a request.
struct HTTPRequestHead: Equatable {
    var method = ""
    var target = ""
    /// Names in lower case.
    var fields: [Field] = []

    struct Field: Equatable {
        var name: String
        var value: String
    }

    /// Nil: not HTTP/1.x.
    init?(_ bytes: ArraySlice<UInt8>) {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
        guard !lines.isEmpty else { return nil }
        let first = lines.removeFirst().split(
            separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard first.count == 3, !first[0].isEmpty, !first[1].isEmpty,
            String(decoding: first[2], as: UTF8.self).hasPrefix("HTTP/1."), first[2].count == 8
        else { return nil }
        method = String(decoding: first[0], as: UTF8.self)
        target = String(decoding: first[1], as: UTF8.self)
        guard first[0].allSatisfy(Self.isTokenByte), first[1].allSatisfy({ $0 > 32 && $0 != 127 })
        else { return nil }
        for line in lines where !line.isEmpty {
            guard let field = Self.field(line) else { return nil }
            fields.append(field)
        }
    }

    private static func field(_ line: ArraySlice<UInt8>) -> Field? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
            return nil
        }
        let name = line[..<colon]
        // Folded lines begin with a space, which is in no name.
        guard name.allSatisfy(isTokenByte) else { return nil }
        var value = line[(colon + 1)...]
        let isBlank = { (byte: UInt8) in byte == 32 || byte == 9 }
        while let byte = value.first, isBlank(byte) { value.removeFirst() }
        while let byte = value.last, isBlank(byte) { value.removeLast() }
        guard value.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 }) else { return nil }
        return Field(
            name: String(decoding: name, as: UTF8.self).lowercased(),
            value: String(decoding: value, as: UTF8.self))
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// The first field of that name; in lower case.
    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The members of the lists in all fields of that name.
    func list(_ name: String) -> [String] {
        fields.filter { $0.name == name }.flatMap { field in
            field.value.split(separator: ",").map(Self.trimmed)
        }
    }

    /// Whether a list has that member; case does not count.
    func list(_ name: String, has member: String) -> Bool {
        let member = member.lowercased()
        return list(name).contains { $0.lowercased() == member }
    }

    /// The value of a cookie. Source: RFC 6265 section 4.2.
    func cookie(_ name: String) -> String? {
        for field in fields where field.name == "cookie" {
            for pair in field.value.split(separator: ";") {
                let pair = Self.trimmed(pair)
                guard let sign = pair.firstIndex(of: "="), pair[..<sign] == name else { continue }
                var value = pair[pair.index(after: sign)...]
                if value.count > 1, value.first == "\"", value.last == "\"" {
                    value = value.dropFirst().dropLast()
                }
                return String(value)
            }
        }
        return nil
    }

    static func trimmed(_ text: some StringProtocol) -> String {
        var text = Substring(text)
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
