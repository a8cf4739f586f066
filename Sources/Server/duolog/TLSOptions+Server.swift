import NATSService
import ServerConfig
import Transport

// TLS and WebSocket as the transport has them, out of what the operator decided. Certificates are read here.

extension TLSPlan {
    /// - Throws: `TLSError`, which names the file or the setting that is wrong.
    init(_ options: TLSOptions, allowsPlain: Bool = false) throws(TLSError) {
        self.init(context: try TLSContext(TLSSettings(options)))
        self.allowsPlain = allowsPlain
        timeoutNanoseconds = options.timeoutNanoseconds
        start =
            switch options.handshakeFirst {
            case .off: .afterGreeting
            case .always: .first
            case .auto(let fallback): .firstOrGreeting(afterNanoseconds: fallback)
            }
        if options.connectionRateLimit > 0 {
            limit = HandshakeLimit(perSecond: options.connectionRateLimit, lastWords: NATSService.throttled)
        }
    }
}

extension TLSOptions {
    /// The same for monitoring: scrapers show no certificate.
    var askingNobody: TLSOptions {
        var options = self
        options.verifiesClients = false
        options.pinnedCertificates = []
        options.connectionRateLimit = 0
        return options
    }
}

extension TLSSettings {
    init(_ options: TLSOptions) {
        self.init(
            certificates: options.certificates.map {
                Certificate(certificateFile: $0.certificateFile, keyFile: $0.keyFile)
            })
        caFile = options.authorityFile
        verifiesClients = options.verifiesClients
        pinnedKeys = options.pinnedCertificates
        minimumVersion = options.minimumVersion == .v1_3 ? .v1_3 : .v1_2
        cipherSuites = options.cipherSuites
        curvePreferences = options.curvePreferences
    }
}

extension WebSocketListenerOptions {
    /// - Throws: `TLSError`, or `ServerFailure` for an origin that is none.
    init(_ options: WebSocketOptions) throws {
        self.init()
        host = options.host
        port = max(0, options.port)
        tls = try options.tls.map { try TLSPlan($0) }
        settings.handshakeTimeoutNanoseconds = options.handshakeTimeoutNanoseconds
        settings.compresses = options.compression
        settings.requiresSameOrigin = options.sameOrigin
        settings.allowedOrigins = try options.allowedOrigins.map { text in
            guard let origin = WebSocketOrigin(text) else {
                throw ServerFailure(description: "error parsing allowed origin: \(text)")
            }
            return origin
        }
        settings.cookies = WebSocketCookies(
            jwt: options.jwtCookie, user: options.userCookie, password: options.passwordCookie, token: options.tokenCookie)
        settings.headers = options.headers.map { ($0.name, $0.value) }
    }
}
