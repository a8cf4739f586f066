import Glibc
import Logging
import Platform
import ServerConfig

/// Does what the command line asks for; without further words, starts the server and ends the process with it.
@main
struct Duolog {
    static func main() {
        guard let path = CommandLine.arguments.first, !path.isEmpty else {
            // Linux puts an empty name in the place of one that is missing.
            Program(path: "duolog").fail("started without a name: by it the server knows what it is to be")
        }
        let program = Program(path: path)
        if !program.isNATSServer, let code = LogCommand.run(Array(CommandLine.arguments.dropFirst())) { exit(code) }
        let flags: ServerFlags
        do {
            flags = try ServerFlags(Array(CommandLine.arguments.dropFirst()))
        } catch {
            program.fail("\(error)\nTry '\(program.name) --help'.")
        }
        if flags.wantsVersion { return print(program.versionLine) }
        if flags.wantsHelp { return print(ServerFlags.help(program: program.name)) }
        if let request = flags.signal {
            do { return try SignalSender(program).send(request) } catch { program.fail("\(error)") }
        }
        if flags.testsConfiguration { ConfigurationTest(program).run(flags) }
        start(program, flags)
    }

    private static func start(_ program: Program, _ flags: ServerFlags) {
        FreeMemory.keepLittle()
        // Before any thread starts, since threads inherit what is blocked.
        let signals = Signals()
        let configuration: LoadedConfiguration
        do {
            configuration = try LoadedConfiguration(flags, defaults: program.defaults, from: .system)
        } catch {
            program.fail("\(error)")
        }
        let sink: LogSink
        do { sink = try LogSink(configuration.options.logging) } catch { program.fail("\(error)") }
        let log = sink.makeLogger(label: program.name)
        do {
            let server = try Server(configuration, flags: flags, program: program, sink: sink, log: log)
            server.run(until: signals)
        } catch {
            log.critical("\(error)")
            exit(1)
        }
    }
}
