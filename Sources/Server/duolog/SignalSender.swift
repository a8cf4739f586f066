import Glibc
import Platform
import ServerConfig

/// `--signal`: sends a signal to a server that runs.
struct SignalSender {
    private let program: Program

    init(_ program: Program) { self.program = program }

    /// - Throws: `ServerFailure` where there is no such process, or more than one to choose from.
    func send(_ request: SignalRequest) throws(ServerFailure) {
        let process = if let target = request.target { try Self.process(named: target) } else { try theOther() }
        let number =
            switch request.command {
            case .stop: SIGKILL
            case .quit: SIGINT
            case .term: SIGTERM
            case .reopen: SIGUSR1
            case .reload: SIGHUP
            case .ldm: SIGUSR2
            }
        guard kill(process, number) == 0 else {
            let reason = String(cString: strerror(errno)).lowercased()
            throw ServerFailure(description: "signal \"\(request.command.rawValue)\" \(process): \(reason)")
        }
    }

    /// - Parameter target: a process id, or the path of a file that holds one.
    private static func process(named target: String) throws(ServerFailure) -> pid_t {
        if let number = pid_t(target), number > 0 { return number }
        guard let bytes = try? SmallFile.read(target),
            let number = pid_t(String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }), number > 0
        else { throw ServerFailure(description: "invalid pid: \(target)") }
        return number
    }

    /// The one other process of this name.
    private func theOther() throws(ServerFailure) -> pid_t {
        let numbers = ((try? LocalFileSystem().list("/proc")) ?? []).compactMap { pid_t($0) }
        let found = numbers.filter { number in
            guard number != getpid(), let command = try? SmallFile.read("/proc/\(number)/cmdline"),
                let path = command.split(separator: 0).first
            else { return false }
            return Program(path: String(decoding: path, as: UTF8.self)).name == program.name
        }
        guard let process = found.first else {
            throw ServerFailure(description: "no \(program.name) processes running")
        }
        if found.count > 1 {
            let list = found.map(String.init).joined(separator: "\n")
            throw ServerFailure(description: "multiple \(program.name) processes running:\n\(list)")
        }
        return process
    }
}
