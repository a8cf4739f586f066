// swift-tools-version: 6.2
import PackageDescription

// The layers of docs/ARCHITECTURE.md, bottom up. A target depends on its own layer or on layers below it;
// Machines and Devices never see each other. Tests/Tidy checks what SwiftPM cannot.

let settings: [SwiftSetting] = [
    .enableExperimentalFeature("Lifetimes"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func layer(
    _ layer: String, _ name: String, _ dependencies: [Target.Dependency] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)",
        swiftSettings: settings)
}

func shim(_ layer: String, _ name: String, linking libraries: [String] = []) -> Target {
    .target(
        name: name, path: "Sources/\(layer)/\(name)", cSettings: [.unsafeFlags(["-O2"])],
        linkerSettings: libraries.map { .linkedLibrary($0) })
}

func library(_ name: String, _ debianPackage: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/Libraries/\(name)", providers: [.apt([debianPackage])])
}

func tests(_ layer: String, _ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(layer)/\(name)Tests",
        swiftSettings: settings)
}

let collections: [Target.Dependency] = [
    .product(name: "DequeModule", package: "swift-collections"),
    .product(name: "OrderedCollections", package: "swift-collections"),
    .product(name: "HeapModule", package: "swift-collections"),
]

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let vocabulary: [Target] = [
    layer("Vocabulary", "Model"),
    shim("Vocabulary", "CBytes"),
    layer("Vocabulary", "Bytes", ["CBytes"]),
    layer("Vocabulary", "Subjects", ["Bytes"]),
    tests("Vocabulary", "Model", ["Model"]),
    tests("Vocabulary", "Bytes", ["Bytes"]),
    tests("Vocabulary", "Subjects", ["Bytes", "Subjects"]),
]

let formats: [Target] = [
    library("CZlib", "zlib1g-dev"),
    library("CLZ4", "liblz4-dev"),
    library("CZstd", "libzstd-dev"),
    library("CSnappy", "libsnappy-dev"),
    library("CSodium", "libsodium-dev"),
    library("CCrypt", "libcrypt-dev"),
    layer("Formats", "JSON", ["Bytes"]),
    layer(
        "Formats", "Records", ["Bytes", "Model", "Subjects", "CZlib", "CLZ4", "CZstd", "CSnappy"]),
    layer("Formats", "NATSProtocol", ["Bytes", "JSON", "Model", "Subjects"]),
    layer("Formats", "KafkaProtocol", ["Bytes", "Model"]),
    layer("Formats", "JetStreamAPI", ["Bytes", "JSON", "Model", "Subjects"]),
    layer("Formats", "ServerConfig"),
    tests("Formats", "JSON", ["JSON"]),
    tests("Formats", "Records", ["Bytes", "Model", "Records"]),
    tests("Formats", "NATSProtocol", ["Bytes", "JSON", "NATSProtocol"]),
    tests("Formats", "KafkaProtocol", ["Bytes", "KafkaProtocol", "Model"]),
    tests("Formats", "JetStreamAPI", ["JSON", "JetStreamAPI", "Model"]),
    tests("Formats", "ServerConfig", ["ServerConfig"]),
]

let machines: [Target] = [
    layer(
        "Machines", "Accounts",
        ["Bytes", "CCrypt", "CSodium", "JSON", "Model", "ServerConfig", "Subjects"] + collections),
    layer(
        "Machines", "JetStream",
        ["Bytes", "JetStreamAPI", "Model", "NATSProtocol", "Subjects"] + collections),
    layer("Machines", "KafkaCoordination", ["Bytes", "KafkaProtocol", "Model", "Records"] + collections),
    layer("Machines", "Catalog", ["Bytes", "JSON", "JetStreamAPI", "Model", "Records", "Subjects"] + collections),
    tests("Machines", "Accounts", ["Accounts", "Bytes", "JSON", "Model", "ServerConfig"]),
    tests("Machines", "JetStream", ["Bytes", "JetStream", "JetStreamAPI", "Model", "Subjects"]),
    tests("Machines", "KafkaCoordination", ["Bytes", "KafkaCoordination", "KafkaProtocol", "Model"]),
    tests("Machines", "Catalog", ["Catalog"]),
]

let devices: [Target] = [
    shim("Devices", "CPlatform"),
    shim("Devices", "CTLS", linking: ["ssl", "crypto"]),
    layer("Devices", "Platform", ["CPlatform", "Model"]),
    layer("Devices", "Storage", ["Bytes", "Model", "Platform"] + collections),
    layer("Devices", "Transport", ["Bytes", "CTLS", "CZlib", "Model", "Platform"] + collections),
    tests("Devices", "Storage", ["Storage", "TemporaryFolders"]),
    tests("Devices", "Transport", ["Bytes", "CTLSClient", "CZlib", "Model", "Platform", "TemporaryFolders", "Transport"]),
    .target(
        name: "CTLSClient", path: "Tests/Support/CTLSClient",
        linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "TemporaryFolders", path: "Tests/Support/TemporaryFolders", swiftSettings: settings),
]

let services: [Target] = [
    layer(
        "Services", "Broker",
        ["Bytes", "Catalog", "JSON", "JetStream", "JetStreamAPI", "KafkaCoordination", "KafkaProtocol", "Model",
            "NATSProtocol", "Platform", "Records", "Storage", "Subjects", "Transport", logging] + collections),
    layer(
        "Services", "NATSService",
        ["Accounts", "Broker", "Bytes", "Catalog", "JSON", "JetStream", "JetStreamAPI", "Model", "NATSProtocol", "Platform",
            "Records", "ServerConfig", "Subjects", "Transport", logging] + collections),
    layer(
        "Services", "KafkaService",
        ["Broker", "Bytes", "Catalog", "KafkaCoordination", "KafkaProtocol", "Model", "Platform", "Records",
            "Transport"] + collections),
    layer(
        "Services", "Monitoring",
        [
            "Broker", "Bytes", "Catalog", "JSON", "JetStreamAPI", "KafkaCoordination", "KafkaService", "Model",
            "NATSService", "Platform", "Subjects", "Transport",
            .product(name: "NIOCore", package: "swift-nio"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "NIOPosix", package: "swift-nio"),
        ]),
    tests(
        "Services", "KafkaService",
        ["Broker", "Bytes", "KafkaProtocol", "KafkaService", "Model", "Records", "Storage", "TemporaryFolders", "Transport", logging]),
    tests(
        "Services", "NATSService",
        ["Accounts", "Broker", "Bytes", "JSON", "NATSService", "ServerConfig", "Transport"]),
    tests("Services", "Broker", ["Broker", "TemporaryFolders", logging]),
]

// The Swift runtime goes into the executable: one file to copy. Said here and not on the command line, because
// --static-swift-stdlib changes how everything is compiled, and the tests cannot be linked that way. Nobody loads the executable
// as a library: without its table of exported symbols, and what only that keeps, an idle server takes 2 MiB less.
let staticRuntime: [LinkerSetting] = [
    .unsafeFlags([
        "-static-stdlib", "-lswiftSynchronization", "-l_FoundationCollections", "-l_FoundationCShims",
        "-Xlinker", "--gc-sections", "-Xlinker", "--no-export-dynamic",
    ])
]

let server: [Target] = [
    .executableTarget(
        name: "duolog",
        dependencies: [
            "Accounts", "Broker", "Bytes", "CSodium", "Catalog", "JSON", "JetStream", "KafkaService", "Model", "Monitoring", "NATSService",
            "Platform", "Records", "ServerConfig", "Storage", "Transport", logging,
        ],
        path: "Sources/Server/duolog", swiftSettings: settings,
        linkerSettings: staticRuntime),
    .executableTarget(
        name: "kafka-codec", dependencies: ["Bytes", "KafkaProtocol"],
        path: "Tests/Support/kafka-codec", swiftSettings: settings),
    .testTarget(name: "TidyTests", path: "Tests/Tidy/TidyTests", swiftSettings: settings),
]

let simulation: [Target] = [
    .target(
        name: "Simulation", dependencies: ["Bytes", "Model", "Platform", "Storage"],
        path: "Tests/Simulation/Simulation", swiftSettings: settings),
    .executableTarget(
        name: "simulate",
        dependencies: ["Platform", "Simulation"],
        path: "Tests/Simulation/simulate", swiftSettings: settings),
    .testTarget(
        name: "SimulationTests", dependencies: ["Model", "Platform", "Simulation", "Storage"],
        path: "Tests/Simulation/SimulationTests", swiftSettings: settings),
]

let package = Package(
    name: "duolog",
    products: [.executable(name: "duolog", targets: ["duolog"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: vocabulary + formats + machines + devices + services + server + simulation
)
