import NATSProtocol
import Transport

extension ClientSession {
    /// What CONNECT says of the client's ways, once it is let in.
    func adopt(_ options: ConnectOptions) {
        // What its permissions and its account say stays.
        habits.formIntersection([.restricted, .mapped])
        if options.verbose { habits.insert(.verbose) }
        if options.pedantic { habits.insert(.pedantic) }
        if options.headers { habits.insert(.headers) }
        if options.noResponders { habits.insert(.noResponders) }
        if !options.echo { habits.insert(.noEcho) }
        clientProtocol = options.clientProtocol
        details = ClientDetails(
            name: options.name, language: options.language, version: options.version)
        if !isConnected {
            isConnected = true
            estimateRoundTrip()
            scheduleFirstPing()
            service.system?.connected(self)
        }
        if options.verbose { connection.write(ServerLine.ok) }
    }
}
