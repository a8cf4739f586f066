/// What the server says it is.
enum ServerVersion {
    static let duolog = "0.1.0"
    /// The nats-server version whose features NATS clients may count on.
    static let nats = "2.15.0"
}
