import Catalog
import JetStream
import JetStreamAPI
import Model

/// How much an account may keep. Nil for no limit.
public struct AccountStreamLimits: Sendable, Equatable {
    /// Of all the account's streams together.
    public var memoryByteCount: Int64?
    public var storageByteCount: Int64?
    public var streamCount: Int?
    /// Of one stream.
    public var consumerCount: Int?
    /// Of one consumer.
    public var ackPendingCount: Int?
    /// Of one stream.
    public var streamMemoryByteCount: Int64?
    public var streamStorageByteCount: Int64?
    /// Whether streams have to say how large they may become.
    public var requiresMaximumBytes = false

    public init() {}

    /// Whether each message has to be counted.
    public var boundsBytes: Bool { memoryByteCount != nil || storageByteCount != nil }

    public static let none = AccountStreamLimits()
}

/// What an account keeps at this moment.
public struct AccountUsage: Sendable, Equatable {
    public var memoryByteCount: UInt64 = 0
    public var storageByteCount: UInt64 = 0
    /// What its streams may become at most, where they say so.
    public var reservedMemoryByteCount: Int64 = 0
    public var reservedStorageByteCount: Int64 = 0
    public var streamCount = 0
    public var consumerCount = 0
}

extension Broker {
    public func usage(of account: String) -> AccountUsage {
        var usage = AccountUsage()
        for name in catalog.streamNames(in: account) {
            guard let id = catalog.log(streamName: name, in: account), let log = logs[id] else {
                continue
            }
            usage.streamCount += 1
            usage.consumerCount += catalog.consumerCount(on: id)
            let byteCount = log.view?.byteCount ?? UInt64(byteCount(of: log))
            let reserved = max(0, log.view?.config.maxBytes ?? 0)
            if log.view?.config.storage == .memory {
                usage.memoryByteCount += byteCount
                usage.reservedMemoryByteCount += reserved
            } else {
                usage.storageByteCount += byteCount
                usage.reservedStorageByteCount += reserved
            }
        }
        return usage
    }

    /// Whether the account may have a stream of this configuration.
    ///
    /// - Parameter current: the configuration that it replaces; nil for a new stream.
    func check(
        _ config: StreamConfig, replacing current: StreamConfig?, _ limits: AccountStreamLimits,
        of account: String
    ) throws(JetStreamError) {
        guard limits != .none else { return }
        let isMemory = config.storage == .memory
        if limits.requiresMaximumBytes, config.maxBytes <= 0 { throw .maximumBytesRequired }
        let most = isMemory ? limits.streamMemoryByteCount : limits.streamStorageByteCount
        if let most, config.maxBytes > most { throw .streamBytesExceeded }
        let usage = usage(of: account)
        if current == nil, let most = limits.streamCount, usage.streamCount >= most {
            throw .maximumStreams
        }
        let own = max(0, current?.maxBytes ?? 0)
        let wanted = max(0, config.maxBytes)
        if isMemory {
            guard let most = limits.memoryByteCount else { return }
            if usage.reservedMemoryByteCount - own + wanted > most { throw .insufficientMemory }
        } else {
            guard let most = limits.storageByteCount else { return }
            if usage.reservedStorageByteCount - own + wanted > most {
                throw .storageExceeded
            }
        }
    }
}
