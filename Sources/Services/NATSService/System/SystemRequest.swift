import Accounts

/// A request that the server answers itself, as a value that may go to any thread.
struct SystemRequest: Sendable {
    let subject: String
    /// Empty where nobody waits for an answer.
    let reply: [UInt8]
    let payload: [UInt8]
    /// Where it was published, and where the answer goes.
    let account: AccountRouting
    /// Who asks; nil where the request came through another account or from the server.
    let identity: Identity?

    /// The tokens of the subject.
    var tokens: [Substring] { subject.split(separator: ".", omittingEmptySubsequences: false) }
}

/// One of the server's own services. Called on the loop of whoever asks, so it must not take long.
final class RequestHandler: Sendable {
    /// - Returns: whether there is such a service now.
    let handle: @Sendable (SystemRequest) -> Bool

    init(_ handle: @escaping @Sendable (SystemRequest) -> Bool) { self.handle = handle }
}
