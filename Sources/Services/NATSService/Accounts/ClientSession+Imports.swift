import Accounts
import Bytes
import NATSProtocol
import Subjects
import Transport

/// A subscription in the index of an account that the client's account imports streams from.
struct Shadow {
    let subscription: Subscription
    let index: SubscriptionIndex
}

/// How a client's commands reach beyond its account, or are led elsewhere in it.
extension ClientSession {
    // MARK: Streams of other accounts

    /// Lets `subscription` have what its account imports under the subjects that it asks for.
    func addImports(of subscription: Subscription) {
        let imports = router.account.streamImports
        guard !imports.isEmpty,
            let filter = SubjectFilter(String(decoding: subscription.filter, as: UTF8.self))
        else { return }
        for stream in imports {
            guard let wanted = stream.filter(for: filter) else { continue }
            let shadow = Shadow(
                subscription: Subscription(
                    subscription, importedBy: wanted, mapping: stream.transform),
                index: stream.exporter.index)
            shadow.index.add(shadow.subscription)
            shadows[subscription.sid, default: []].append(shadow)
        }
    }

    func removeImports(of sid: [UInt8]) {
        for shadow in shadows.removeValue(forKey: sid) ?? [] {
            shadow.index.remove(shadow.subscription)
        }
    }

    /// Lets the routers of the other accounts look again.
    func touchImports(of sid: [UInt8]) {
        for shadow in shadows[sid] ?? [] { shadow.index.touch(shadow.subscription) }
    }

    // MARK: When the configuration changes

    /// The account's imports or mappings are others now.
    func learnSharing() {
        learnMappings()
        for sid in Array(shadows.keys) { removeImports(of: sid) }
        for subscription in subscriptions.values { addImports(of: subscription) }
        router.epoch &+= 1
    }

    func learnMappings() {
        mappings = router.account.mappings
        if mappings.isEmpty { habits.remove(.mapped) } else { habits.insert(.mapped) }
    }

    // MARK: Subject mappings

    /// Publishes to the subject that the account's mappings choose.
    ///
    /// - Returns: false where none is for the subject.
    @inline(never)
    func publishMapped(_ parser: inout ClientParser, _ bytes: RawSpan) -> Bool {
        let subject = bytes.extracting(parser.subject.start..<parser.subject.end)
        let mapped: [UInt8]
        switch mappings.outcome(of: subject, random: router.nextRandom()) {
        case .same: return false
        case .dropped:
            if habits.contains(.verbose) { connection.write(ServerLine.ok) }
            return true
        case .mapped(let other): mapped = other
        }
        guard mayPublish(mapped.span.bytes, &parser, bytes) else { return true }
        let payload = parser.payloadStart + parser.headerByteCount
        let delivered = router.routePieces(
            subject: mapped.span.bytes, to: mapped.span.bytes,
            reply: bytes.extracting(parser.reply.start..<parser.reply.end),
            headerByteCount: parser.headerByteCount, hasHeaders: parser.hasHeaders,
            headers: bytes.extracting(parser.payloadStart..<payload),
            payload: bytes.extracting(payload..<parser.payloadStart + parser.totalByteCount),
            publisherID: connection.id, origin: MessageOrigin(session: self))
        if !delivered, parser.reply.count > 0, habits.contains(.noResponders) {
            tellNoResponders(&parser, bytes)
        }
        return true
    }

    // MARK: What services of other accounts are told

    func requestInfo(isShared: Bool) -> RequestInfo {
        var info = RequestInfo(account: router.account.name)
        info.roundTripNanoseconds = statistics.roundTripNanoseconds
        guard isShared else { return info }
        info.client = RequestInfo.Client(
            start: statistics.start, host: connection.remoteAddress.host, id: clientID,
            user: identity.user.text, name: details?.name ?? "",
            language: details?.language ?? "", version: details?.version ?? "")
        info.serverName = service.options.serverName
        return info
    }
}
