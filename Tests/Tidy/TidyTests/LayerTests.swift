import Testing

/// The layers of docs/ARCHITECTURE.md, which the package manager cannot check between our own targets.
struct LayerTests {
    /// How far up a layer lies. Two layers at the same height never see each other.
    private static let height = [
        "Libraries": 0, "Vocabulary": 1, "Formats": 2, "Machines": 3, "Devices": 3, "Services": 4,
        "Server": 5,
    ]

    /// Which layer each of our targets belongs to.
    private static let layerOfTarget: [String: String] = Dictionary(
        uniqueKeysWithValues: height.keys.flatMap { layer in
            SourceTree.folders(in: "Sources/\(layer)").map { ($0, layer) }
        })

    /// Modules from outside, and the layers that may use them.
    private static let outsideModules: [String: Set<String>] = [
        "Synchronization": ["Vocabulary", "Formats", "Machines", "Devices", "Services", "Server"],
        "DequeModule": ["Vocabulary", "Formats", "Machines", "Devices", "Services", "Server"],
        "HeapModule": ["Vocabulary", "Formats", "Machines", "Devices", "Services", "Server"],
        "OrderedCollections": [
            "Vocabulary", "Formats", "Machines", "Devices", "Services", "Server",
        ],
        "FoundationEssentials": ["Devices", "Services", "Server"],
        "Glibc": ["Devices", "Services", "Server"],
        "Dispatch": ["Devices", "Services", "Server"],
        "Logging": ["Devices", "Services", "Server"],
        "NIOCore": ["Devices", "Services"],
        "NIOHTTP1": ["Devices", "Services"],
        "NIOPosix": ["Devices", "Services"],
    ]

    @Test func `every folder in Sources is a layer`() {
        #expect(SourceTree.folders(in: "Sources").filter { Self.height[$0] == nil } == [])
    }

    @Test func `the source tree is found, so that the other claims mean something`() {
        #expect(SourceTree.sources.count > 10)
    }

    @Test func `a target imports from its own layer or from below`() {
        let violations = SourceTree.sources.flatMap { file in
            file.imports.compactMap { module -> String? in
                guard let layer = Self.layerOfTarget[module], layer != file.layer else {
                    return nil
                }
                return Self.height[layer]! < Self.height[file.layer]!
                    ? nil : "\(file.path) imports \(module) of \(layer)"
            }
        }
        #expect(violations == [])
    }

    @Test func `the NATS service and the Kafka service never import each other`() {
        let services: Set = ["NATSService", "KafkaService"]
        let violations = SourceTree.sources.filter { file in
            services.contains(file.target)
                && !services.subtracting([file.target]).isDisjoint(with: file.imports)
        }
        #expect(violations.map(\.path) == [])
    }

    @Test func `the operating system is reached from devices, services and the server alone`() {
        let violations = SourceTree.sources.flatMap { file in
            file.imports.compactMap { module -> String? in
                if Self.layerOfTarget[module] != nil { return nil }
                let allowed = Self.outsideModules[module] ?? []
                return allowed.contains(file.layer) ? nil : "\(file.path) imports \(module)"
            }
        }
        #expect(violations == [])
    }

    @Test func `every folder of a layer is a target in Package.swift`() throws {
        let package = try SourceTree.text(of: "Package.swift").filter { !$0.isWhitespace }
        let missing = Self.layerOfTarget.filter { target, layer in
            let declarations = [
                "(\"\(layer)\",\"\(target)\"", "library(\"\(target)\"",
                "path:\"Sources/\(layer)/\(target)\"",
            ]
            return !declarations.contains { package.contains($0) }
        }
        #expect(missing.map { "Sources/\($1)/\($0)" } == [])
    }

    @Test func `Tests mirror Sources`() {
        let strangers = Self.height.keys.flatMap { layer in
            SourceTree.folders(in: "Tests/\(layer)").filter { folder in
                !(folder.hasSuffix("Tests")
                    && SourceTree.isFolder("Sources/\(layer)/\(folder.dropLast("Tests".count))"))
            }.map { "Tests/\(layer)/\($0)" }
        }
        #expect(strangers == [])
    }

    @Test(arguments: ["Vocabulary", "Formats", "Machines"])
    func `each target that needs no device has tests of its own`(layer: String) {
        let untested = SourceTree.folders(in: "Sources/\(layer)").filter { target in
            // A C shim is tested through the Swift target that wraps it.
            !isShim("Sources/\(layer)/\(target)")
                && !SourceTree.isFolder("Tests/\(layer)/\(target)Tests")
        }
        #expect(untested == [])
    }

    private func isShim(_ path: String) -> Bool {
        !SourceTree.sources.contains { $0.path.hasPrefix(path + "/") }
    }
}
