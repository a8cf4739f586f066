import Platform
import Synchronization

/// Where one loop gathers, during a turn, what it has for one connection. Only that loop touches
/// it.
///
/// Unsafe has an address here and in the `Connection+…` files: a stage's memory belongs to the
/// stage until it is handed over as an ``OutputBlock``, the block's memory to whoever holds the
/// block.
@frozen
public struct OutputStage {
    /// nil: nothing was staged since the last flush.
    public var base: UnsafeMutableRawPointer?
    public var count: Int
    public var capacity: Int

    /// Stages lie a cache line apart, since neighbours belong to other threads.
    @usableFromInline static let stride = 64
}

/// Bytes on their way to a socket.
struct OutputBlock: @unchecked Sendable {
    /// Not to be read from where the bytes are in a file.
    var base: UnsafeMutableRawPointer
    /// How many of the bytes are gone already.
    var sent: Int
    var count: Int
    let capacity: Int
    /// Set where the memory is an array's, or where the bytes are in a file: it keeps them there.
    let owner: OutputOwner?
    var content = Content.content

    /// What a connection's filter has to do with it; the same for connections without one.
    enum Content: UInt8 {
        /// What a handler or a router has written.
        case content
        /// Framed already.
        case framed
        /// Goes out in the clear.
        case raw
        /// Empty: behind it TLS says that nothing follows.
        case endOfTLS
    }

    var remaining: Int { count - sent }

    /// The file that the bytes are in, and where they begin; nil where they are in memory.
    var file: FileRegion? { owner?.region }

    /// Room for more behind what is there; none in memory that is not ours.
    var room: Int { owner == nil ? capacity - count : 0 }
}

/// Keeps an array's storage in place while the kernel reads from it, or a file open.
final class OutputOwner: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let count: Int
    let region: FileRegion?

    private let array: ContiguousArray<UInt8>

    init(_ bytes: [UInt8]) {
        // An array that nobody mutates any more keeps its storage; the reference here keeps it
        // alive.
        array = ContiguousArray(bytes)
        count = array.count
        base = array.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress!) }
        region = nil
    }

    init(_ region: FileRegion) {
        // Memory that nobody reads: a block has some.
        array = [0]
        base = array.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress!) }
        count = region.byteCount
        self.region = region
        Self.regions.add(1, ordering: .relaxed)
    }

    deinit {
        if region != nil { Self.regions.subtract(1, ordering: .relaxed) }
    }

    /// How many stretches of files wait in all connections of the process: as many files are open at most.
    static var regionCount: Int { regions.load(ordering: .relaxed) }
    private static let regions = Atomic<Int>(0)
}

/// A loop's spare blocks, last in first out, so that the one in the processor's cache is used
/// first.
struct BlockPool {
    static let smallCapacity = 4 << 10
    static let largeCapacity = 64 << 10

    private var small: [UnsafeMutableRawPointer] = []
    private var large: [UnsafeMutableRawPointer] = []

    /// Memory for at least `byteCount` bytes, and how many it has.
    mutating func take(_ byteCount: Int) -> (base: UnsafeMutableRawPointer, capacity: Int) {
        if byteCount <= Self.smallCapacity {
            return (small.popLast() ?? Self.allocate(Self.smallCapacity), Self.smallCapacity)
        }
        if byteCount <= Self.largeCapacity {
            return (large.popLast() ?? Self.allocate(Self.largeCapacity), Self.largeCapacity)
        }
        return (Self.allocate(byteCount), byteCount)
    }

    mutating func recycle(_ block: OutputBlock) {
        if block.owner == nil { recycle(block.base, capacity: block.capacity) }
    }

    mutating func recycle(_ base: UnsafeMutableRawPointer, capacity: Int) {
        if capacity == Self.smallCapacity, small.count < 256 {
            small.append(base)
        } else if capacity == Self.largeCapacity, large.count < 32 {
            large.append(base)
        } else {
            base.deallocate()
        }
    }

    private static func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: byteCount, alignment: 16)
    }

    func deallocate() {
        for base in small + large { base.deallocate() }
    }
}
