import Bytes
import Model

/// What changes a consumer's durable state.
enum ConsumerEvent: Equatable, Sendable {
    case delivered(UInt64)
    case acknowledged(UInt64)
    /// All deliveries up to this one, for consumers that ack that way.
    case acknowledgedThrough(UInt64)
    case terminated(UInt64)
    /// To be delivered again at a time, in nanoseconds.
    case refused(UInt64, until: Int64)
    case progressed(UInt64)
    /// Delivered as often as allowed, without success.
    case gaveUp(UInt64)
    /// The message itself is gone.
    case forgotten(UInt64)
    /// Begin again at a sequence, with nothing pending.
    case reset(UInt64)

    fileprivate var tag: UInt8 {
        switch self {
        case .delivered: 1
        case .acknowledged: 2
        case .acknowledgedThrough: 3
        case .terminated: 4
        case .refused: 5
        case .progressed: 6
        case .gaveUp: 7
        case .forgotten: 8
        case .reset: 9
        }
    }

    fileprivate var sequence: UInt64 {
        switch self {
        case .delivered(let sequence), .acknowledged(let sequence),
            .acknowledgedThrough(let sequence),
            .terminated(let sequence), .refused(let sequence, _), .progressed(let sequence),
            .gaveUp(let sequence), .forgotten(let sequence), .reset(let sequence):
            sequence
        }
    }

    fileprivate init?(tag: UInt8, sequence: UInt64) {
        switch tag {
        case 1: self = .delivered(sequence)
        case 2: self = .acknowledged(sequence)
        case 3: self = .acknowledgedThrough(sequence)
        case 4: self = .terminated(sequence)
        case 6: self = .progressed(sequence)
        case 7: self = .gaveUp(sequence)
        case 8: self = .forgotten(sequence)
        case 9: self = .reset(sequence)
        default: return nil
        }
    }
}

/// The events of one consumer in one turn, packed for the log.
///
/// Where records before could not be logged, a whole state takes their place: see ``ConsumerMachine/takeRecord()``.
///
/// Events in order, each: a tag byte; where the sequence lies from the one after the last named, as a zig-zag varint;
/// then how many in a row have the same tag, as a varint, or for tag 5 (refused) the time in nanoseconds as a varint.
/// Tag 0 is the time of what follows, 8 bytes; it comes first.
struct ConsumerEventWriter: Sendable {
    /// In place of the first event's tag: what follows is no event, but ``ConsumerMachine/snapshotBytes``.
    static let stateTag: UInt8 = 10

    private var writer = ByteWriter()
    private var time: Timestamp?
    private var next: UInt64 = 0
    private var run: (tag: UInt8, start: UInt64, count: UInt64)?

    var isEmpty: Bool { time == nil }

    mutating func append(_ event: ConsumerEvent, now: Timestamp) {
        if time != now {
            endRun()
            writer.int(0 as UInt8)
            writer.int(now.nanoseconds)
            time = now
        }
        if let current = run, current.tag == event.tag,
            current.start &+ current.count == event.sequence
        {
            run?.count += 1
            return
        }
        endRun()
        if case .refused(let sequence, let until) = event {
            start(tag: event.tag, sequence: sequence)
            writer.varint(until)
        } else {
            run = (event.tag, event.sequence, 1)
        }
    }

    /// The packed events, and an empty writer again.
    mutating func take() -> [UInt8] {
        endRun()
        let bytes = writer.bytes
        writer = ByteWriter()
        time = nil
        next = 0
        return bytes
    }

    private mutating func endRun() {
        guard let ended = run else { return }
        run = nil
        start(tag: ended.tag, sequence: ended.start)
        writer.unsignedVarint(ended.count)
        next = ended.start &+ ended.count
    }

    private mutating func start(tag: UInt8, sequence: UInt64) {
        writer.int(tag)
        writer.varint(Int64(bitPattern: sequence &- next))
        next = sequence &+ 1
    }
}

/// Unpacks what ``ConsumerEventWriter`` packed.
enum ConsumerEventReader {
    /// - Throws: for bytes that no writer has written; what came before has been given to `body` then.
    static func read(
        _ bytes: RawSpan, _ body: (ConsumerEvent, Timestamp) -> Void
    ) throws(MalformedBytes) {
        var reader = ByteReader(bytes)
        var time: Timestamp?
        var next: UInt64 = 0
        while !reader.isAtEnd {
            let tag = try reader.int(UInt8.self)
            if tag == 0 {
                time = Timestamp(nanoseconds: try reader.int(Int64.self))
                continue
            }
            guard let now = time else { throw .badLength(Int(tag)) }
            let start = next &+ UInt64(bitPattern: try reader.varint())
            if tag == 5 {
                body(.refused(start, until: try reader.varint()), now)
                next = start &+ 1
                continue
            }
            let count = try reader.unsignedVarint()
            guard count > 0, count <= UInt64(StreamControl.removedLimit),
                start <= UInt64.max - count
            else {
                throw .badLength(Int(clamping: count))
            }
            for sequence in start..<start + count {
                guard let event = ConsumerEvent(tag: tag, sequence: sequence) else {
                    throw .badLength(Int(tag))
                }
                body(event, now)
            }
            next = start + count
        }
    }
}
