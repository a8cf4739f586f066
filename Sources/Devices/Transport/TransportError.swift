import Glibc
public import Platform

/// Why a port could not be opened.
public enum TransportError: Error, Equatable, Sendable, CustomStringConvertible {
    case addressInUse(host: String, port: Int)
    case permissionDenied(host: String, port: Int)
    /// The host name is unknown, or no address of this machine.
    case addressNotAvailable(host: String, port: Int)
    case failed(SocketError)

    init(_ error: SocketError, host: String, port: Int) {
        switch error.errno {
        case EADDRINUSE: self = .addressInUse(host: host, port: port)
        case EACCES, EPERM: self = .permissionDenied(host: host, port: port)
        case EADDRNOTAVAIL: self = .addressNotAvailable(host: host, port: port)
        default: self = .failed(error)
        }
    }

    public var description: String {
        switch self {
        case .addressInUse(let host, let port):
            "listen tcp \(host):\(port): bind: address already in use"
        case .permissionDenied(let host, let port):
            "listen tcp \(host):\(port): bind: permission denied"
        case .addressNotAvailable(let host, let port):
            "listen tcp \(host):\(port): bind: cannot assign requested address"
        case .failed(let error): "\(error)"
        }
    }
}
