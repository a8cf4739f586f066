import NATSProtocol
import Transport

/// Why a client's connection ended, in nats-server's words: monitoring shows them, and people search
/// for them.
public enum CloseReason: String, Sendable, CaseIterable {
    case clientClosed = "Client Closed"
    case authenticationTimeout = "Authentication Timeout"
    case authenticationFailure = "Authentication Failure"
    case authenticationExpired = "Authentication Expired"
    case credentialsRevoked = "Credentials Revoked"
    case tlsHandshakeFailure = "TLS Handshake Failure"
    case pendingBytes = "Slow Consumer (Pending Bytes)"
    case writeDeadline = "Slow Consumer (Write Deadline)"
    case writeFailure = "Write Error"
    case readFailure = "Read Error"
    case parseError = "Parse Error"
    case staleConnection = "Stale Connection"
    case protocolViolation = "Protocol Violation"
    case badProtocolVersion = "Bad Client Protocol Version"
    case wrongPort = "Wrong Port"
    case tooManyAccountConnections = "Maximum Account Connections Exceeded"
    case tooManyConnections = "Maximum Connections Exceeded"
    case payloadTooLarge = "Maximum Message Payload Exceeded"
    case controlLineTooLong = "Maximum Control Line Exceeded"
    case missingAccount = "Missing Account"
    case noRespondersNeedsHeaders = "No Responders Requires Headers"
    case serverShutdown = "Server Shutdown"
    case kicked = "Kicked"

    /// What a connection's end says by itself, where the session had no reason of its own.
    init(_ reason: Connection.EndReason?, serverStops: Bool) {
        self =
            switch reason {
            case .peerClosed, nil: .clientClosed
            case .closedHere: serverStops ? .serverShutdown : .clientClosed
            case .slowReader: .pendingBytes
            case .writeTimeout: .writeDeadline
            case .handshakeFailed: .tlsHandshakeFailure
            case .failed, .malformedInput: .readFailure
            }
    }

    /// Why a refusal ends a connection; nil for one that does not.
    init?(_ refusal: ClientRefusal) {
        guard refusal.endsConnection else { return nil }
        self =
            switch refusal {
            case .controlLineTooLong: .controlLineTooLong
            case .payloadTooLarge: .payloadTooLarge
            case .authorizationViolation: .authenticationFailure
            case .authenticationTimeout: .authenticationTimeout
            case .userExpired, .accountExpired: .authenticationExpired
            case .userRevoked: .credentialsRevoked
            case .tooManyAccountConnections: .tooManyAccountConnections
            case .invalidClientProtocol: .badProtocolVersion
            case .noRespondersNeedsHeaders: .noRespondersNeedsHeaders
            case .staleConnection: .staleConnection
            case .tooManyConnections: .tooManyConnections
            default: .protocolViolation
            }
    }
}

extension CloseReason {
    /// What a WebSocket client is told at the end, by the codes that nats-server gives.
    var goodbye: WebSocketClose {
        let code: WebSocketClose.Code =
            switch self {
            case .clientClosed: .normal
            case .authenticationTimeout, .authenticationFailure, .authenticationExpired,
                .credentialsRevoked, .pendingBytes, .writeDeadline, .tooManyAccountConnections,
                .tooManyConnections, .controlLineTooLong, .missingAccount:
                .policyViolation
            case .parseError, .protocolViolation, .badProtocolVersion: .protocolError
            case .payloadTooLarge: .messageTooBig
            case .writeFailure, .readFailure, .staleConnection, .serverShutdown: .goingAway
            default: .internalError
            }
        return WebSocketClose(code, rawValue)
    }
}
