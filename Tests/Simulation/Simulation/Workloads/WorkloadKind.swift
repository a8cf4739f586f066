/// What a run does with its disk. A seed that failed is kept with the name of its workload, so that it keeps its meaning when
/// there are others.
public enum WorkloadKind: String, CaseIterable, Sendable {
    /// The write-ahead log by itself.
    case log
    /// The whole store, of which every batch is synced at once.
    case store
    /// The whole store with logs of all durability classes, and manifests that are lost.
    case classes

    /// What a seed runs where nothing else is said. The store has more to go wrong.
    public init(for seed: UInt64) {
        self =
            switch seed % 4 {
            case 0: .log
            case 1: .store
            default: .classes
            }
    }
}
