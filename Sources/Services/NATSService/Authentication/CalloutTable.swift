import Synchronization

/// The questions to callout services that wait for an answer, by the subject where it is expected.
///
/// Bounded by the connections, each of which asks once and waits no longer than it may take to say
/// who it is. Any thread.
final class CalloutTable: Sendable {
    private let waiting = Mutex<[[UInt8]: @Sendable ([UInt8]) -> Void]>([:])

    /// - Parameter deliver: is given the first answer.
    func expect(_ subject: [UInt8], _ deliver: @escaping @Sendable ([UInt8]) -> Void) {
        waiting.withLock { $0[subject] = deliver }
    }

    func forget(_ subject: [UInt8]) { waiting.withLock { $0[subject] = nil } }

    func answered(_ subject: [UInt8], _ payload: [UInt8]) {
        let deliver = waiting.withLock { $0.removeValue(forKey: subject) }
        deliver?(payload)
    }
}
