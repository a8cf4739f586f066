import Glibc

/// Bytes as they go to the network, after all filters. Only who writes to the socket has it.
///
/// Unsafe has an address here: the memory is from `malloc`, since the TLS library may grow it, and
/// belongs to this value until it is forgotten or released.
struct WireBuffer {
    private(set) var base: UnsafeMutableRawPointer?
    private(set) var count = 0
    private(set) var capacity = 0
    /// How many of the bytes are gone already.
    private(set) var sent = 0

    /// Room for a block, framed and sealed.
    static let usualCapacity = 72 << 10

    var remaining: Int { count - sent }

    /// Makes room for `more` bytes behind what is there.
    mutating func reserve(_ more: Int) {
        guard capacity - count < more else { return }
        let grown = max(count + more, min(capacity * 2, Self.usualCapacity))
        guard let memory = realloc(base, grown) else { fatalError("no memory for \(grown) bytes") }
        base = memory
        capacity = grown
    }

    mutating func append(_ bytes: UnsafeRawPointer, count more: Int) {
        if more == 0 { return }
        reserve(more)
        (base! + count).copyMemory(from: bytes, byteCount: more)
        count += more
    }

    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { raw in
            if let start = raw.baseAddress { append(start, count: raw.count) }
        }
    }

    /// `count` bytes were written behind what was there.
    mutating func advance(_ more: Int) { count += more }

    mutating func advanceSent(_ more: Int) { sent += more }

    /// Takes over memory from `malloc`, behind what is there.
    mutating func take(_ memory: UnsafeMutableRawPointer, count more: Int, capacity: Int) {
        if base == nil || count == 0 {
            free(base)
            (base, count, self.capacity, sent) = (memory, more, capacity, 0)
        } else {
            append(memory, count: more)
            free(memory)
        }
    }

    /// Somebody else has the memory now.
    mutating func forget() { self = WireBuffer() }

    mutating func release() {
        free(base)
        self = WireBuffer()
    }

    /// What is left, in memory of its own size, so that a connection that has to wait for its peer
    /// keeps no more than that.
    mutating func split() -> WireBuffer {
        var rest = WireBuffer()
        rest.append(base! + sent, count: remaining)
        clear()
        return rest
    }

    /// Empty, with its memory.
    mutating func clear() {
        count = 0
        sent = 0
    }
}
