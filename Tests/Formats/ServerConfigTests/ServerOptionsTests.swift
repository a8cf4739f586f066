import ServerConfig
import Testing

/// The defaults are promises to who runs without a configuration file: nats-server 2.15's.
struct ServerOptionsTests {
    @Test func `without a word from the operator the server is nats-server's`() {
        let options = ServerOptions()
        #expect(options.host == "0.0.0.0")
        #expect(options.port == 4222)
        #expect(options.limits.maximumPayload == 1_048_576)
        #expect(options.limits.maximumControlLine == 4096)
        #expect(options.limits.maximumPending == 67_108_864)
        #expect(options.limits.maximumConnections == 65536)
        #expect(options.limits.pingIntervalNanoseconds == 120 * 1_000_000_000)
        #expect(options.limits.maximumPingsOut == 2)
        #expect(options.limits.writeDeadlineNanoseconds == 10 * 1_000_000_000)
        #expect(options.lameDuck.durationNanoseconds == 120 * 1_000_000_000)
        #expect(options.lameDuck.gracePeriodNanoseconds == 10 * 1_000_000_000)
        #expect(options.logging.showsTime)
        #expect(options.authorization == nil && options.accounts.isEmpty && options.tls == nil)
        #expect(options.jetStream == nil && options.kafka == nil && options.webSocket == nil)
    }

    @Test func `a response permission allows one answer within two minutes`() {
        #expect(ResponsePermission().maximumMessages == 1)
        #expect(ResponsePermission().expiresNanoseconds == 120 * 1_000_000_000)
    }

    @Test func `the kafka block has the defaults of Kafka`() {
        let kafka = KafkaOptions()
        #expect(kafka.port == 9092)
        #expect(kafka.maximumBatchBytes == 1_048_588)
        #expect(kafka.maximumRequestBytes == 104_857_600)
        #expect(kafka.account == "$G")
    }
}
