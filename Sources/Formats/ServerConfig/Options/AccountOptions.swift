/// One entry of `accounts`: subjects of its own, who may use them, and what it shares with others.
public struct AccountOptions: Sendable, Equatable {
    public var name: String
    /// A public account key (A…).
    public var nkey: String?
    public var users: [UserOptions] = []
    /// For users that have none of their own.
    public var defaultPermissions: PermissionsOptions?
    public var exports: [ExportOptions] = []
    public var imports: [ImportOptions] = []
    public var mappings: [MappingOptions] = []
    /// Nil: no JetStream for this account.
    public var jetStream: AccountJetStreamOptions?
    public var limits = AccountLimitOptions()

    public init(name: String) { self.name = name }
}

/// What accounts give each other.
public enum ShareKind: String, Sendable, Equatable {
    /// Messages flow from who exports to who imports.
    case stream
    /// Requests flow from who imports to who exports, answers back.
    case service
}

public struct ExportOptions: Sendable, Equatable {
    public var kind: ShareKind
    public var subject: String
    /// Nil: everybody may import. Empty where only an activation lets an account import.
    public var accounts: [String]?
    /// The token of the subject, from 1, that must name the importing account.
    public var accountTokenPosition: Int?
    public var response = ResponseType.single
    /// Of a service: how long its answer may take; nil for the default of 2 minutes.
    public var responseThresholdNanoseconds: Int64?
    public var latency: LatencyOptions?
    public var allowsTrace = false

    public init(kind: ShareKind, subject: String) {
        self.kind = kind
        self.subject = subject
    }
}

/// How many messages answer one request.
public enum ResponseType: String, Sendable, Equatable {
    case single
    case stream
    case chunked
}

/// How long a service takes, told on a subject.
public struct LatencyOptions: Sendable, Equatable {
    public var subject: String
    /// Percent of the requests, 1 to 100; 0: those whose headers ask for it.
    public var samplingPercent: Int

    public init(subject: String, samplingPercent: Int = 100) {
        self.subject = subject
        self.samplingPercent = samplingPercent
    }
}

public struct ImportOptions: Sendable, Equatable {
    public var kind: ShareKind
    /// Who exports.
    public var account: String
    /// The subject there.
    public var subject: String
    /// `to`: the subject here; nil for the same.
    public var to: String?
    /// `prefix`: of the subject here, for streams.
    public var prefix: String?
    /// Whether the service is told who asks.
    public var shares = false
    public var allowsTrace = false

    public init(kind: ShareKind, account: String, subject: String) {
        self.kind = kind
        self.account = account
        self.subject = subject
    }
}

/// -1 for no limit.
public struct AccountLimitOptions: Sendable, Equatable {
    public var maximumConnections: Int64 = -1
    public var maximumSubscriptions: Int64 = -1
    public var maximumPayload: Int64 = -1
    public var maximumLeafNodes: Int64 = -1

    public init() {}
}

/// What an account may keep. -1 for no limit; 0 for nothing of that kind.
public struct AccountJetStreamOptions: Sendable, Equatable {
    public var maximumMemory: Int64 = -1
    public var maximumStorage: Int64 = -1
    public var maximumStreams = -1
    public var maximumConsumers = -1
    /// Of one consumer.
    public var maximumAckPending = -1
    /// Of one stream; 0 for no limit.
    public var maximumStreamBytesInMemory: Int64 = 0
    public var maximumStreamBytesOnDisk: Int64 = 0
    /// Whether streams must say how large they may become.
    public var requiresMaximumBytes = false

    public init() {}
}

/// Messages published to `source` become messages to one of the destinations.
public struct MappingOptions: Sendable, Equatable {
    public var source: String
    /// In the order of the file. Weights of one cluster add up to 100 or less.
    public var destinations: [MappingDestination]

    public init(source: String, destinations: [MappingDestination]) {
        self.source = source
        self.destinations = destinations
    }
}

public struct MappingDestination: Sendable, Equatable {
    /// May hold transform functions, such as `{{partition(3,1)}}`.
    public var subject: String
    /// Percent, 0 to 100.
    public var weight: Int
    /// Nil: everywhere.
    public var cluster: String?

    public init(subject: String, weight: Int = 100, cluster: String? = nil) {
        self.subject = subject
        self.weight = weight
        self.cluster = cluster
    }
}
