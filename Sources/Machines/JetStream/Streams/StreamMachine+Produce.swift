import JetStreamAPI

extension StreamMachine {
    /// Why the stream does not take a batch that came from Kafka; nil where it does.
    ///
    /// Kafka's records carry no expectations, so only the stream's own limits count, for the batch as a whole.
    public func decideProduce(
        recordCount: Int, byteCount: Int, largestMessageByteCount: Int
    ) -> JetStreamError? {
        if config.sealed { return .streamSealed }
        if config.maxMessageSize >= 0, largestMessageByteCount > Int(config.maxMessageSize) {
            return .messageTooLarge
        }
        guard config.discard == .new else { return nil }
        if config.maxMessages > 0, messageCount + UInt64(recordCount) > UInt64(config.maxMessages) {
            return .storeFailed("maximum messages exceeded")
        }
        if config.maxBytes > 0, self.byteCount + UInt64(byteCount) > UInt64(config.maxBytes) {
            return .storeFailed("maximum bytes exceeded")
        }
        return nil
    }
}
