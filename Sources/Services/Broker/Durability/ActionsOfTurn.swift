/// What is to be done when what was decided in this turn is kept, by how surely that has to be.
struct ActionsOfTurn: ~Copyable {
    private var onDevice: [() -> Void] = []
    private var inFile: [() -> Void] = []
    private var inMemory: [() -> Void] = []

    var isEmpty: Bool { onDevice.isEmpty && inFile.isEmpty && inMemory.isEmpty }

    mutating func append(_ action: @escaping () -> Void, _ assurance: Assurance) {
        switch assurance {
        case .memory: inMemory.append(action)
        case .file: inFile.append(action)
        case .device: onDevice.append(action)
        }
    }

    /// Hands out the actions of each kind that there are.
    mutating func takeAll(_ body: (_ actions: [() -> Void], _ assurance: Assurance) -> Void) {
        if !inMemory.isEmpty { body(inMemory, .memory) }
        if !inFile.isEmpty { body(inFile, .file) }
        if !onDevice.isEmpty { body(onDevice, .device) }
        inMemory.removeAll(keepingCapacity: true)
        inFile.removeAll(keepingCapacity: true)
        onDevice.removeAll(keepingCapacity: true)
    }
}
