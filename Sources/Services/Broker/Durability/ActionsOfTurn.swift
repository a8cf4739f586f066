/// What is to be done when what was decided in this turn is kept, by how surely that has to be.
struct ActionsOfTurn: ~Copyable {
    private var onDevice: [() -> Void] = []
    private var inFile: [() -> Void] = []
    private var inMemory: [() -> Void] = []

    /// How many clients wait for the device with these actions, and how many in the turn before that had any.
    var clientCount = 0
    private var lastClientCount = 0

    var isEmpty: Bool { onDevice.isEmpty && inFile.isEmpty && inMemory.isEmpty }

    /// One client waits, and so it was before: it publishes one message at a time, and nobody else does.
    var isForOneAlone: Bool { clientCount == 1 && lastClientCount == 1 }

    mutating func append(_ action: @escaping () -> Void, _ assurance: Assurance) {
        switch assurance {
        case .memory: inMemory.append(action)
        case .file: inFile.append(action)
        case .device: onDevice.append(action)
        }
    }

    /// Hands out the actions of each kind that there are.
    mutating func takeAll(_ body: (_ actions: [() -> Void], _ assurance: Assurance) -> Void) {
        if clientCount > 0 { lastClientCount = clientCount }
        clientCount = 0
        if !inMemory.isEmpty { body(inMemory, .memory) }
        if !inFile.isEmpty { body(inFile, .file) }
        if !onDevice.isEmpty { body(onDevice, .device) }
        inMemory.removeAll(keepingCapacity: true)
        inFile.removeAll(keepingCapacity: true)
        onDevice.removeAll(keepingCapacity: true)
    }
}
