/// Reads the `websocket` block.
struct WebSocketReader {
    let findings: ConfigFindings

    func webSocket(_ node: ConfigNode) throws(ConfigError) -> WebSocketOptions? {
        var options = WebSocketOptions()
        options.port = 0
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "listen":
                let address = try node.address()
                if let host = address.host { options.host = host }
                options.port = address.port
            case "port": options.port = try node.port()
            case "host", "net": options.host = try node.string()
            case "advertise": options.advertise = try node.optionalString()
            case "no_tls": options.noTLS = try node.boolean()
            case "tls": options.tls = try TLSReader(findings: findings).tls(node)
            case "same_origin": options.sameOrigin = try node.boolean()
            case "allowed_origins", "allowed_origin", "allow_origins", "allow_origin", "origins", "origin":
                options.allowedOrigins = try node.strings()
            case "handshake_timeout":
                options.handshakeTimeoutNanoseconds = try findings.duration("handshake_timeout", node)
            case "compression", "compress": options.compression = try node.boolean()
            case "ping_interval": options.pingIntervalNanoseconds = try findings.duration("ping_interval", node)
            case "authorization", "authentication": try authorization(node, into: &options)
            case "no_auth_user": options.noAuthUser = try node.optionalString()
            case "jwt_cookie": options.jwtCookie = try node.optionalString()
            case "user_cookie": options.userCookie = try node.optionalString()
            case "pass_cookie": options.passwordCookie = try node.optionalString()
            case "token_cookie": options.tokenCookie = try node.optionalString()
            case "headers":
                for entry in try node.map().entries {
                    options.headers.append(HTTPHeaderOption(name: entry.key, value: try entry.node.string()))
                }
            default: return false
            }
            return true
        }
        // Without a port nothing is opened, whatever else the block says.
        guard options.port != 0 else { return nil }
        if options.tls == nil && !options.noTLS {
            throw node.failure("websocket requires TLS configuration, or no_tls: true")
        }
        return options
    }

    private func authorization(_ node: ConfigNode, into options: inout WebSocketOptions) throws(ConfigError) {
        let authorization = try UserReader(findings: findings).authorization(node)
        if !authorization.users.isEmpty {
            throw node.failure("Websocket authorization does not allow multiple users")
        }
        if authorization.authCallout != nil || authorization.defaultPermissions != nil {
            throw node.failure("websocket authorization takes a user, a token and a timeout only")
        }
        options.user = authorization.user
        options.password = authorization.password
        options.token = authorization.token
        options.authorizationTimeoutNanoseconds = authorization.timeoutNanoseconds
    }
}
