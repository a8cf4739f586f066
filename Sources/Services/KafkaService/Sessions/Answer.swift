import Platform

/// The answer to one request, as it goes out: a frame, or a frame whose records are still in files.
struct Answer {
    enum Part {
        case bytes([UInt8])
        case file(FileRegion)
    }

    /// All of it, or what comes before the first part.
    var frame: [UInt8]
    /// What follows, in order.
    private(set) var parts: [Part] = []
    /// Of everything.
    private(set) var byteCount: Int

    /// The request is done with and has no answer.
    static let none = Answer([])

    init(_ frame: [UInt8]) {
        self.frame = frame
        byteCount = frame.count
    }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        parts.append(.bytes(bytes))
        byteCount += bytes.count
    }

    mutating func append(_ region: FileRegion) {
        parts.append(.file(region))
        byteCount += region.byteCount
    }
}
