import Accounts
import Model
import Transport

/// What monitoring shows of a session. On its loop.
extension ClientSession {
    private var accountName: String { router.account.name }

    var report: ConnectionReport {
        let remote = connection.remoteAddress
        var report = ConnectionReport(
            id: clientID, host: remote.host, port: remote.port, start: statistics.start,
            account: accountName)
        let delivered = connection.delivered
        let last = max(statistics.lastInputNanoseconds, delivered.lastNanoseconds)
        report.lastActivity = statistics.start.advanced(
            byNanoseconds: last - statistics.startNanoseconds)
        report.roundTripNanoseconds = statistics.roundTripNanoseconds
        report.pendingByteCount = connection.pendingByteCount
        report.messagesIn = statistics.messagesIn
        report.bytesIn = statistics.bytesIn
        report.messagesOut = delivered.messages
        report.bytesOut = delivered.bytes
        report.stallCount = statistics.stallCount
        report.subscriptionCount = subscriptions.count
        if let details {
            report.name = details.name
            report.language = details.language
            report.version = details.version
        }
        report.user = identity.user.text
        report.isWebSocket = connection.kind == .webSocket
        if let tls = connection.tlsIdentity {
            report.tlsVersion = tls.version
            report.tlsCipherSuite = tls.cipherSuite
            report.isTLSFirst = connection.beganWithTLS && connection.kind == .client
            report.certificate = tls.certificate.map {
                CertificateReport(subject: $0.subject, keyDigest: $0.keyDigest, digest: $0.digest)
            }
        }
        return report
    }

    /// At most `limit` of its subscriptions.
    func subscriptionReports(limit: Int = .max) -> [SubscriptionReport] {
        subscriptions.values.prefix(limit).map { $0.report(account: accountName, clientID) }
    }

    /// How many of a closed connection's subscriptions are remembered.
    static let rememberedSubscriptions = 16

    /// The report of its end, with the reason.
    func lastReport(_ reason: CloseReason) -> ConnectionReport {
        var report = report
        report.stop = connection.loop.now
        report.reason = reason
        report.pendingByteCount = 0
        report.subscriptions = subscriptionReports(limit: Self.rememberedSubscriptions)
        return report
    }
}

extension Subscription {
    func report(account: String, _ connectionID: UInt64) -> SubscriptionReport {
        SubscriptionReport(
            account: account, subject: String(decoding: filter, as: UTF8.self),
            queue: String(decoding: queue, as: UTF8.self),
            sid: String(decoding: sid, as: UTF8.self), messageCount: deliveredCount,
            maximum: maximum, connectionID: connectionID)
    }
}
