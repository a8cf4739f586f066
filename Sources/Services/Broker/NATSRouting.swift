/// How the broker reaches NATS clients. The NATS service implements it on loop 0.
///
/// What goes out this way is routed like any publish of a client: staged now, written to the sockets at the end of
/// the turn.
public protocol NATSRouting: AnyObject {
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

    /// Sends a stored message to whoever subscribes to `inbox`; the message keeps `subject`.
    ///
    /// - Returns: whether any client got it.
    @discardableResult
    func deliver(
        subject: RawSpan, to inbox: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan
    ) -> Bool
}
