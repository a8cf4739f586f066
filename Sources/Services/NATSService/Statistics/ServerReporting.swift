/// Makes the reports about the server as a whole that monitoring shows by HTTP and the system
/// account by requests: the same bodies for both.
public protocol ServerReporting: AnyObject, Sendable {
    /// One report as JSON, without white space.
    ///
    /// - Parameters:
    ///   - name: the last token of `$SYS.REQ.SERVER.PING.<name>`: `VARZ`, `CONNZ`, `SUBSZ`,
    ///     `JSZ`, `HEALTHZ`, `ACCOUNTZ`, `ACCSTATZ`, `ROUTEZ`, `LEAFZ`, `GATEWAYZ`, `RAFTZ`,
    ///     `IPQUEUESZ`.
    ///   - options: the JSON of the request, with nats-server's names; empty or `{}` for the
    ///     defaults.
    ///   - answer: called once, on any thread.
    func report(
        _ name: String, options: [UInt8],
        _ answer: @escaping @Sendable (Result<[UInt8], ServerReportRefusal>) -> Void)
}

/// Why there is no report: an option that makes no sense, or nothing of that name.
public struct ServerReportRefusal: Error, Equatable, Sendable {
    /// As HTTP has it: 400 or 404.
    public var status: Int
    public var text: String
    /// Whether the options could not be read; else there is nothing that they ask for.
    public var isMalformed: Bool

    public init(status: Int, text: String, isMalformed: Bool = false) {
        self.status = status
        self.text = text
        self.isMalformed = isMalformed
    }
}
