import Bytes
import NATSProtocol
import Transport

extension ClientSession {
    /// CONNECT. Whoever connects again starts afresh, without the subscriptions so far.
    func connect(_ argument: RawSpan) {
        guard let options = try? ConnectOptions(parsing: argument) else {
            return end(.protocolViolation)
        }
        guard options.account.isEmpty, !options.newAccount else {
            return refuse(.authorizationViolation)
        }
        guard 0...1 ~= options.clientProtocol else { return refuse(.invalidClientProtocol) }
        guard options.headers || !options.noResponders else {
            return refuse(.noRespondersNeedsHeaders)
        }
        removeAllSubscriptions()
        habits = []
        if options.verbose { habits.insert(.verbose) }
        if options.pedantic { habits.insert(.pedantic) }
        if options.headers { habits.insert(.headers) }
        if options.noResponders { habits.insert(.noResponders) }
        if !options.echo { habits.insert(.noEcho) }
        clientProtocol = options.clientProtocol
        identity = Identity(
            name: options.name, language: options.language, version: options.version)
        if !isConnected {
            isConnected = true
            estimateRoundTrip()
            scheduleFirstPing()
        }
        if options.verbose { connection.write(ServerLine.ok) }
    }
}
