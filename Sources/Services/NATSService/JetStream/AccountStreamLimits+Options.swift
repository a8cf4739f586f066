public import Broker
public import ServerConfig

extension AccountStreamLimits {
    /// What the configuration gives to each account that has JetStream.
    ///
    /// Where there are no accounts but the system's, that is `$G`, without limits.
    public static func all(_ options: ServerOptions) -> [String: AccountStreamLimits] {
        let system = options.systemAccount ?? AccountRouting.systemName
        let accounts = options.accounts.filter { $0.name != system }
        if accounts.isEmpty { return [AccountRouting.globalName: .none] }
        var all: [String: AccountStreamLimits] = [:]
        for account in accounts {
            if let limits = account.jetStream { all[account.name] = AccountStreamLimits(limits) }
        }
        return all
    }

    public init(_ options: AccountJetStreamOptions) {
        self.init()
        func limit<T: FixedWidthInteger>(_ value: T) -> T? { value >= 0 ? value : nil }
        memoryByteCount = limit(options.maximumMemory)
        storageByteCount = limit(options.maximumStorage)
        streamCount = limit(options.maximumStreams)
        consumerCount = limit(options.maximumConsumers)
        ackPendingCount = limit(options.maximumAckPending)
        func ofStream(_ value: Int64) -> Int64? { value > 0 ? value : nil }
        streamMemoryByteCount = ofStream(options.maximumStreamBytesInMemory)
        streamStorageByteCount = ofStream(options.maximumStreamBytesOnDisk)
        requiresMaximumBytes = options.requiresMaximumBytes
    }
}
