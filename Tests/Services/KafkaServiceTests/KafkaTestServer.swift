import Broker
import Glibc
import KafkaService
import Logging
import Model
import Storage
import TemporaryFolders
import Transport

/// A broker with the Kafka service on a port of its own, in a folder of its own.
final class KafkaTestServer {
    let port: Int
    private let group: EventLoopGroup
    private let store: LogStore
    private let folder: TemporaryFolder

    init(
        in folder: TemporaryFolder = TemporaryFolder(), broker brokerOptions: BrokerOptions = BrokerOptions(),
        _ options: KafkaServiceOptions = KafkaServiceOptions()
    ) throws {
        self.folder = folder
        store = try LogStore(directory: folder.path)
        group = try EventLoopGroup(loopCount: 1)
        let loop = group.loops[0]
        // Used here before the loop starts, and on the loop from then on.
        let broker = Broker(
            loop: loop, store: store, options: brokerOptions, log: Logger(label: "test"))
        _ = try broker.recover()
        let service = KafkaService(broker: broker, options: options)
        let listener = try Listener(host: "127.0.0.1", port: 0)
        port = listener.port
        loop.post {
            broker.start()
            service.start()
        }
        listener.start(on: loop) { service.accept($0) }
        group.start()
    }

    func stop() {
        group.stop()
        store.close()
    }
}
