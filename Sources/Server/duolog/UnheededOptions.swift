import ServerConfig

extension ServerOptions {
    /// Options that are understood and that no service of this server heeds. A server that ignored them would let in
    /// whom it should keep out, or promise what it does not keep; so it does not start.
    var unheeded: [String] {
        var names: [String] = []
        if noSystemAccount { names.append("no_system_account") }
        if webSocket?.pingIntervalNanoseconds != nil { names.append("websocket.ping_interval") }
        if webSocket?.advertise != nil { names.append("websocket.advertise") }
        if !supportsHeaders { names.append("no_header_support") }
        if limits.writeTimeoutPolicy == .retry { names.append("write_timeout") }
        return names
    }
}
