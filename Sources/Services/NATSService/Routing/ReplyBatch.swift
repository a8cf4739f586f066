import Bytes

/// The server's answers to many requests, in one piece of memory, with all that a delivery writes behind the sid.
final class ReplyBatch: @unchecked Sendable {
    /// Where one answer lies in the bytes.
    struct Place {
        var inbox: Int
        /// Where `<size>CRLF contents CRLF` begins, and ends.
        var tail: Int
        var contents: Int
        var end: Int
    }

    private let bytes: GrowingBytes
    let places: [Place]

    fileprivate init(_ bytes: consuming GrowingBytes, _ places: [Place]) {
        self.bytes = bytes
        self.places = places
    }

    var count: Int { places.count }

    func withBytes(_ body: (RawSpan) -> Void) { bytes.withSpan(body) }
}

/// Collects the answers of one batch.
struct ReplyBatchBuilder: ~Copyable {
    private var bytes = GrowingBytes()
    private var places: [ReplyBatch.Place] = []

    var isEmpty: Bool { places.isEmpty }

    /// Appends an answer; an empty `inbox` wants none.
    ///
    /// - Parameter write: appends exactly `byteCount` bytes.
    @inline(__always)
    mutating func append(to inbox: RawSpan, byteCount: Int, _ write: (inout GrowingBytes) -> Void) {
        guard inbox.byteCount > 0 else { return }
        let start = bytes.count
        bytes.append(inbox)
        let tail = bytes.count
        bytes.decimal(UInt64(byteCount))
        bytes.append("\r\n")
        let contents = bytes.count
        write(&bytes)
        precondition(bytes.count == contents + byteCount, "an answer of \(bytes.count - contents) bytes, not \(byteCount)")
        bytes.append("\r\n")
        places.append(.init(inbox: start, tail: tail, contents: contents, end: bytes.count))
    }

    /// Hands out what it has, and makes room for as much again.
    mutating func take() -> ReplyBatch {
        var nextBytes = GrowingBytes(capacity: bytes.count)
        var nextPlaces: [ReplyBatch.Place] = []
        nextPlaces.reserveCapacity(places.count)
        swap(&nextBytes, &bytes)
        swap(&nextPlaces, &places)
        return ReplyBatch(nextBytes, nextPlaces)
    }
}
