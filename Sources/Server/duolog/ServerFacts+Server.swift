import Model
import Monitoring
import NATSService
import Platform

extension ServerFacts {
    /// What is known once the ports are open.
    init(_ plan: ServerPlan, _ nats: NATSService, start: Timestamp, kafkaPort: Int?) {
        self.init(options: nats.options, start: start)
        version = ServerVersion.duolog
        natsPort = nats.port
        self.kafkaPort = kafkaPort
        httpHost = plan.host
        coreCount = Machine.coreCount
        loopCount = plan.loopCount
        guard plan.jetStream, let folder = plan.dataFolder else { return }
        // As nats-server does where nothing was said: three quarters of what there is.
        jetStream = JetStreamFacts(
            maximumMemory: Machine.memoryByteCount / 4 * 3,
            maximumStorage: Machine.freeByteCount(at: folder) / 4 * 3, folder: folder)
    }
}
