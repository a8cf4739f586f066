import Glibc
import NATSService
import ServerConfig

/// `-t`: reads the configuration as a start would, says what is wrong with it, and ends.
struct ConfigurationTest {
    private let program: Program

    init(_ program: Program) { self.program = program }

    /// Ends with code 0 where a server would start with this configuration, else with 1. What a start warns of is an
    /// error here.
    func run(_ flags: ServerFlags) -> Never {
        let configuration: LoadedConfiguration
        do {
            configuration = try LoadedConfiguration(flags, defaults: program.defaults, from: .system)
            _ = try AccountRules(configuration.options)
            _ = try NATSServerOptions(configuration.options)
        } catch {
            program.fail("\(error)\n")
        }
        if !configuration.warnings.isEmpty {
            program.fail(configuration.warnings.map { "\($0)\n" }.joined())
        }
        if let name = configuration.options.unheeded.first { program.fail("\(name) is not supported yet\n") }
        let digest = Digest.sha256(configuration.digestText)
        SmallFile.writeToStandardError(
            "\(program.name): configuration file \(configuration.file ?? "") is valid (\(digest))\n")
        exit(0)
    }
}
