import ArgumentParser
import Glibc
import Logging

/// Starts the server that the flags describe, and ends the process with it.
@main
struct Duolog {
    static func main() {
        let program = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "duolog"
        let command = ServerCommand.parseOrExit()
        if command.version {
            print(ServerVersion.line(program: program))
            return
        }
        let signals = Signals()
        let log = command.makeLog(program: program)
        do {
            let server = try Server(ServerPlan(command, program: program), log: log)
            server.run(until: signals)
        } catch {
            log.critical("\(error)")
            exit(1)
        }
    }
}
