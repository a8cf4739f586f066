import JetStream
import JetStreamAPI
import Model
import Transport

/// A JetStream consumer joined to its log, on loop 0: the machine, its timer and what it does in this turn.
public final class StreamConsumer {
    /// The log knows its consumers, too, until they are deleted.
    public let log: PartitionLog
    public let name: String
    public internal(set) var machine: ConsumerMachine
    public internal(set) var isDeleted = false

    let ackSubject: AckSubjectWriter
    let deliverSubject: [UInt8]
    /// Whether it is in the list of those that run at the end of the turn.
    var isListed = false
    /// Whether it is on the disk, so that it may deliver.
    var isReady = true
    /// Whether it has to wait for room before it may be done with more: there was none to write down what streams remove.
    var isOverdue: Bool { machine.settled.count + log.due.sequences.count >= Self.unremovedLimit }
    private static let unremovedLimit = 1 << 16
    /// Whether listeners believe it to be paused.
    var isToldPaused = false
    var timer: TimerID?
    var timerDeadline: Timestamp?

    init(log: PartitionLog, name: String, machine: ConsumerMachine) {
        self.log = log
        self.name = name
        self.machine = machine
        ackSubject = AckSubjectWriter(stream: machine.stream, consumer: name)
        deliverSubject = Array(machine.config.deliverSubject.utf8)
    }
}
