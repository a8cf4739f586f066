import Broker
import Glibc
import JetStream
import Model
import Monitoring
import NATSService
import Platform

extension ServerSnapshot {
    /// On loop 0, which owns what is looked at.
    init(
        plan: ServerPlan, start: Timestamp, nats: NATSService, kafkaPort: Int?, broker: Broker?
    ) {
        self.init()
        serverID = nats.options.serverID
        serverName = nats.options.serverName
        version = nats.options.version
        host = plan.host
        port = nats.port
        self.kafkaPort = kafkaPort
        self.start = start
        now = Clock.now()
        coreCount = plan.loopCount
        residentByteCount = Self.residentByteCount()
        maximumPayload = nats.options.maximumPayload
        connectionCount = nats.clientCount
        subscriptionCount = nats.subscriptionCount
        let statistics = nats.statistics
        messagesIn = statistics.messagesIn
        messagesOut = statistics.messagesOut
        bytesIn = statistics.bytesIn
        bytesOut = statistics.bytesOut
        guard plan.jetStream, let broker else { return }
        var numbers = JetStreamSnapshot()
        let totals = broker.totals
        numbers.streamCount = totals.logCount
        numbers.consumerCount = totals.consumerCount
        numbers.messageCount = UInt64(totals.recordCount)
        numbers.byteCount = UInt64(totals.byteCount)
        numbers.folder = plan.dataFolder ?? ""
        jetStream = numbers
    }

    /// The second number of `/proc/self/statm` counts pages; 0 where it cannot be read.
    private static func residentByteCount() -> Int64 {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(file, &bytes, bytes.count)
        let fields = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
