import Catalog

/// How the broker reaches the NATS clients of one account. The NATS service implements it on loop 0.
///
/// What goes out this way is routed like any publish of a client: staged now, written to the sockets at the end of
/// the turn.
public protocol NATSRouting: AnyObject {
    /// How the clients of another account are reached.
    func routing(ofAccount name: String) -> any NATSRouting

    /// Whether some client holds a subscription that could match `prefix` or anything below it. Cheap enough to ask
    /// for each batch: the answer is kept until subscriptions change.
    func hasInterest(inSubjectsOf prefix: String) -> Bool

    /// Whether some client holds a subscription that matches `subject`.
    func hasInterest(_ subject: RawSpan) -> Bool

    /// Publishes as the server itself. Streams do not capture what is published this way.
    ///
    /// - Returns: whether any client got it.
    @discardableResult
    func publish(
        subject: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan
    ) -> Bool

    /// Publishes as the server itself what streams may capture: advisories.
    ///
    /// - Returns: whether anybody got it.
    @discardableResult
    func publishCaptured(
        subject: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan
    ) -> Bool

    /// Whether a client or a stream takes messages of `subject`.
    func isTaken(_ subject: RawSpan) -> Bool

    /// Sends a stored message to whoever subscribes to `inbox`; the message keeps `subject`.
    ///
    /// - Returns: whether any client got it.
    @discardableResult
    func deliver(
        subject: RawSpan, to inbox: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan
    ) -> Bool
}

extension Broker {
    /// How the clients are reached that see `log`.
    func routing(of log: PartitionLog) -> (any NATSRouting)? {
        log.account == StreamNaming.globalAccount ? nats : nats?.routing(ofAccount: log.account)
    }
}
