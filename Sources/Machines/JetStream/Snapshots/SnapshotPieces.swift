import Bytes

/// A machine as pieces of bytes, so that neither writing nor reading one needs all of it in memory twice.
///
/// Layout: docs/formats/snapshot-machines.md. Every machine begins with a version byte of its own.
enum SnapshotVersion {
    static let stream: UInt8 = 1
    static let consumer: UInt8 = 2
}

/// Why the bytes of a snapshot, though whole, make no machine.
public enum SnapshotFault: Error, Equatable, Sendable {
    /// A later version of the server wrote it.
    case newerVersion(UInt8)
    /// It ends before the machine is complete.
    case missingPiece
    /// What it says does not fit together.
    case inconsistent(String)
}

extension ByteWriter {
    mutating func counted(_ bytes: [UInt8]) {
        unsignedVarint(UInt64(bytes.count))
        append(bytes.span.bytes)
    }

    mutating func words(_ words: some Collection<UInt64>) {
        unsignedVarint(UInt64(words.count))
        for word in words { int(word) }
    }
}

extension ByteReader {
    mutating func counted() throws(MalformedBytes) -> [UInt8] {
        Array(copying: try bytes(Int(clamping: try unsignedVarint())))
    }

    /// A count of things that take at least a byte each.
    mutating func count(of byteCount: Int = 1) throws(MalformedBytes) -> Int {
        let count = try unsignedVarint()
        guard count <= UInt64(remaining / byteCount) else { throw .badLength(Int(clamping: count)) }
        return Int(count)
    }

    mutating func words() throws(MalformedBytes) -> [UInt64] {
        let count = try count(of: 8)
        var words: [UInt64] = []
        words.reserveCapacity(count)
        for _ in 0..<count { words.append(try int()) }
        return words
    }
}
