import KafkaCoordination
import KafkaProtocol
import Model
import Testing

/// Kafka reference 4.2: the idempotent producer.
@Suite struct ProducerTableTests {
    var table = ProducerTable()
    var end: Int64 = 100

    func batch(_ sequence: Int32, _ count: Int32 = 10, epoch: Int16 = 0) -> ProducerBatch {
        ProducerBatch(
            producerID: ProducerID(7), epoch: epoch, baseSequence: sequence, recordCount: count)
    }

    /// Decides, and appends what is to be appended.
    mutating func produce(_ batch: ProducerBatch) -> ProducerDecision {
        let decision = table.decide(batch)
        if decision == .append {
            table.apply(
                batch, baseOffset: Offset(end), appendTime: Timestamp(milliseconds: end))
            end += Int64(batch.recordCount)
        }
        return decision
    }

    @Test mutating func `batches in order are appended`() {
        for sequence in stride(from: Int32(0), to: 100, by: 10) {
            #expect(produce(batch(sequence)) == .append)
        }
    }

    @Test mutating func `a retried batch is answered with the offset it already has`() {
        for sequence in [Int32(0), 10, 20, 30, 40] { _ = produce(batch(sequence)) }
        for (index, sequence) in [Int32(0), 10, 20, 30, 40].enumerated() {
            let offset = Int64(100 + 10 * index)
            #expect(
                produce(batch(sequence))
                    == .duplicate(
                        baseOffset: Offset(offset), appendTime: Timestamp(milliseconds: offset)))
        }
        #expect(end == 150)
    }

    @Test mutating func `a batch older than the window is a duplicate without an offset`() {
        for sequence in stride(from: Int32(0), to: 60, by: 10) { _ = produce(batch(sequence)) }
        #expect(produce(batch(0)) == .refused(.duplicateSequenceNumber))
        #expect(produce(batch(10)) != .refused(.duplicateSequenceNumber))
    }

    @Test mutating func `a gap is out of order`() {
        _ = produce(batch(0))
        #expect(produce(batch(11)) == .refused(.outOfOrderSequenceNumber))
        #expect(produce(batch(20)) == .refused(.outOfOrderSequenceNumber))
        #expect(produce(batch(10)) == .append)
    }

    @Test mutating func `a batch that overlaps a written one is out of order`() {
        _ = produce(batch(0))
        #expect(produce(batch(0, 5)) == .refused(.outOfOrderSequenceNumber))
        #expect(produce(batch(5)) == .refused(.outOfOrderSequenceNumber))
    }

    @Test mutating func `what lies before the first known batch may have been refused`() {
        // Nothing is known of the producer: it may go on anywhere, but what it skipped is not acknowledged.
        #expect(produce(batch(50)) == .append)
        #expect(produce(batch(40)) == .refused(.outOfOrderSequenceNumber))
    }

    @Test mutating func `a new epoch starts at 0`() {
        _ = produce(batch(0))
        #expect(produce(batch(10, epoch: 1)) == .refused(.outOfOrderSequenceNumber))
        #expect(produce(batch(0, epoch: 1)) == .append)
        #expect(produce(batch(10, epoch: 1)) == .append)
    }

    @Test mutating func `an old epoch is fenced`() {
        _ = produce(batch(0, epoch: 3))
        #expect(produce(batch(10, epoch: 2)) == .refused(.invalidProducerEpoch))
    }

    @Test mutating func `sequences wrap at 2³¹`() {
        #expect(produce(batch(.max - 14)) == .append)
        // .max - 4 … .max, then 0 … 4.
        let wrapping = batch(.max - 4)
        #expect(wrapping.lastSequence == 4)
        #expect(produce(wrapping) == .append)
        #expect(produce(batch(5)) == .append)
        #expect(
            produce(wrapping)
                == .duplicate(baseOffset: Offset(110), appendTime: Timestamp(milliseconds: 110)))
        #expect(produce(batch(6)) == .refused(.outOfOrderSequenceNumber))
    }

    @Test mutating func `producers do not share sequences`() {
        _ = produce(batch(0))
        var other = batch(0)
        other.producerID = ProducerID(8)
        #expect(produce(other) == .append)
        #expect(table.producerCount == 2)
    }

    @Test mutating func `a producer that is quiet for long is forgotten and may go on`() {
        _ = produce(batch(0))
        table.expire(olderThan: Timestamp(milliseconds: 100))
        #expect(produce(batch(70)) == .refused(.outOfOrderSequenceNumber))
        table.expire(olderThan: Timestamp(milliseconds: 101))
        #expect(table.producerCount == 0)
        #expect(produce(batch(70)) == .append)
    }

    @Test func `a producer id without epoch or sequence is no idempotent batch`() {
        #expect(table.decide(batch(-1)) == .refused(.invalidRecord))
        #expect(table.decide(batch(0, epoch: -1)) == .refused(.invalidRecord))
        #expect(table.decide(batch(0, 0)) == .refused(.invalidRecord))
    }

    /// A producer keeps up to five batches in flight over a connection that loses requests and answers.
    @Test(arguments: 0..<40)
    func `a lossy connection neither loses, doubles nor reorders`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var table = ProducerTable()
        var log: [Int32] = []
        let start = Int32.max - 200
        var nextToSend: Int64 = 0
        var acknowledged: Int64 = 0
        let total: Int64 = 500
        while acknowledged < total {
            // (Re)send everything in flight, in order, as clients do after an error.
            let inFlight = min(acknowledged + 5, total)
            nextToSend = acknowledged
            while nextToSend < inFlight {
                let sequence = Int32((Int64(start) + nextToSend) & 0x7FFF_FFFF)
                let batch = ProducerBatch(
                    producerID: ProducerID(1), epoch: 0, baseSequence: sequence, recordCount: 1)
                if Int.random(in: 0..<4, using: &random) == 0 { break }  // the request is lost
                switch table.decide(batch) {
                case .append:
                    table.apply(
                        batch, baseOffset: Offset(Int64(log.count)),
                        appendTime: Timestamp(nanoseconds: 0))
                    log.append(sequence)
                case .duplicate(let offset, _):
                    #expect(log[Int(offset.value)] == sequence)
                case .refused(let error):
                    Issue.record("seed \(seed): \(sequence) refused with \(error)")
                    return
                }
                nextToSend += 1
                if Int.random(in: 0..<4, using: &random) == 0 { break }  // the answer is lost
                acknowledged = max(acknowledged, nextToSend)
            }
            if Int.random(in: 0..<10, using: &random) == 0 {
                // A restart: the table is rebuilt from the batch headers.
                table = ProducerTable()
                for (offset, sequence) in log.enumerated() {
                    table.apply(
                        ProducerBatch(
                            producerID: ProducerID(1), epoch: 0, baseSequence: sequence,
                            recordCount: 1),
                        baseOffset: Offset(Int64(offset)), appendTime: Timestamp(nanoseconds: 0))
                }
            }
        }
        #expect(log.count == Int(total))
        for (index, sequence) in log.enumerated() {
            #expect(sequence == Int32((Int64(start) + Int64(index)) & 0x7FFF_FFFF))
        }
    }
}
