import OrderedCollections

/// A group as tools list it.
public struct GroupListing: Equatable, Sendable {
    public var group: String
    /// Empty where the group never had members.
    public var protocolType: String
    /// Kafka's own word, such as `PreparingRebalance`.
    public var state: String
}

/// A group as tools describe it.
public struct GroupDescription: Equatable, Sendable {
    public struct Member: Equatable, Sendable {
        public var memberID: String
        public var instanceID: String?
        public var clientID: String
        public var clientHost: String
        /// Empty until the generation is stable.
        public var metadata: [UInt8]
        public var assignment: [UInt8]
    }

    public var state: String
    public var protocolType: String
    /// The name of the protocol, empty until the generation is stable.
    public var protocolName: String
    public var members: [Member]
}

extension GroupCoordinator {
    /// All groups that have or had members, or hold offsets, by name.
    public func list() -> [GroupListing] {
        Set(groups.keys).union(offsets.groups.keys).sorted().map { id in
            GroupListing(
                group: id, protocolType: groups[id]?.protocolType ?? "",
                state: (groups[id]?.phase ?? .empty).name)
        }
    }

    /// Nil where there is no such group.
    public func describe(_ id: String) -> GroupDescription? {
        guard let group = groups[id] else {
            guard offsets.isKnown(id) else { return nil }
            return GroupDescription(
                state: Group.Phase.empty.name, protocolType: "", protocolName: "", members: [])
        }
        let isStable = group.phase == .stable
        return GroupDescription(
            state: group.phase.name, protocolType: group.protocolType ?? "",
            protocolName: isStable ? group.protocolName ?? "" : "",
            members: group.members.values.map { member in
                GroupDescription.Member(
                    memberID: member.id, instanceID: member.instanceID, clientID: member.clientID,
                    clientHost: member.clientHost,
                    metadata: isStable ? member.metadata(of: group.protocolName) : [],
                    assignment: isStable ? member.assignment : [])
            })
    }
}

extension Group.Phase {
    var name: String {
        switch self {
        case .empty: "Empty"
        case .preparingRebalance: "PreparingRebalance"
        case .completingRebalance: "CompletingRebalance"
        case .stable: "Stable"
        }
    }
}
