import Glibc
import Logging
import Monitoring
import NATSService
import ServerConfig
import Synchronization

extension Server {
    /// Reads the configuration again and takes what has changed: all of it, or nothing.
    func reload() {
        let waiting = reloadRequests.takeAll()
        do {
            try takeNewConfiguration()
            for answer in waiting { answer(nil) }
        } catch {
            log.error("Failed to reload server configuration: \(error)")
            for answer in waiting { answer("\(error)") }
        }
    }

    /// Lets the system account ask for a reload. It happens where the one by signal does.
    func takeReloadRequests() {
        let requests = reloadRequests
        nats.onReload = { answer in
            requests.add(answer)
            kill(getpid(), SIGHUP)
        }
    }

    private func takeNewConfiguration() throws {
        guard configuration.file != nil else {
            throw ServerFailure(description: "can only reload config when a file is provided using -c or --config")
        }
        let new = try LoadedConfiguration(flags, defaults: program.defaults, from: .system)
        let changes = options.changes(to: new.options)
        if let fixed = changes.first(where: { !$0.isReloadable }) {
            throw ServerFailure(description: "config reload not supported for \(fixed.name)")
        }
        if let name = new.options.unheeded.first {
            throw ServerFailure(description: "\(name) is not supported yet")
        }
        // What can fail comes first.
        let sharing = try AccountRules(new.options).sharing
        let settings = try NATSServerOptions(new.options)
        let accounts = try nats.prepareAccounts(new.options)
        try sink.reload(new.options.logging)
        let old = configuration
        configuration = new
        for warning in new.warnings { log.warning("\(warning)") }
        nats.reload(settings)
        nats.replaceTLS(client: settings.tls, webSocket: settings.webSocket?.tls)
        // In operator mode accounts come from JWTs, and bring what they share and may store.
        let hasOperator = !new.options.operators.isEmpty || !new.options.trustedKeys.isEmpty
        if !hasOperator { nats.apply(sharing) }
        nats.install(accounts)
        if !hasOperator { reloadJetStream() }
        reports?.facts.take(new)
        replaceFiles(old.options)
        for change in changes { log.info("Reloaded: \(change.name)") }
        log.info("Reloaded server configuration (\(Digest.sha256(new.digestText)))")
    }

    private func replaceFiles(_ old: ServerOptions) {
        do {
            if old.pidFile != options.pidFile {
                if let file = old.pidFile { unlink(file) }
                try writePidFile()
            }
            if old.portsFileDirectory != options.portsFileDirectory { try writePortsFile() }
        } catch {
            log.error("Unable to write \(error)")
        }
    }
}

/// Those who asked for a reload and wait to hear what became of it. Any thread.
final class ReloadRequests: Sendable {
    private let waiting = Mutex<[@Sendable (String?) -> Void]>([])

    func add(_ answer: @escaping @Sendable (String?) -> Void) { waiting.withLock { $0.append(answer) } }

    func takeAll() -> [@Sendable (String?) -> Void] {
        waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}
