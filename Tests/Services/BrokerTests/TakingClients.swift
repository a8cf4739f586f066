import Broker
import Bytes
import JetStreamAPI
import Testing

/// The clients of the account: they take every message, and the test asks which those were.
final class TakingClients: NATSRouting, @unchecked Sendable {
    /// By the ack subjects, in the order of delivery. On the loop.
    var delivered: [UInt64] = []

    func routing(ofAccount name: String) -> any NATSRouting { self }
    func hasInterest(inSubjectsOf prefix: String) -> Bool { false }
    func hasInterest(_ subject: RawSpan) -> Bool { true }
    func publish(subject: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan) -> Bool { false }
    func publishCaptured(subject: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan) -> Bool { false }
    func isTaken(_ subject: RawSpan) -> Bool { false }
    func deliver(
        subject: RawSpan, to inbox: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan
    ) -> Bool {
        guard let reply, let ack = AckSubjectView(reply) else { return true }
        delivered.append(ack.streamSequence)
        return true
    }
}

extension BrokerFixture {
    /// Asks on the loop, turn after turn, until it is so.
    func until(_ condition: @escaping @Sendable (Broker) throws -> Bool) async throws {
        for _ in 0..<500 {
            if try await keeping(.memory, condition) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("it never comes")
    }
}
