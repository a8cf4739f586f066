import Platform

/// A connection that becomes a WebSocket, and its frames.
extension Connection {
    func startUpgrade(_ filter: ConnectionFilter) {
        filter.stage = .upgrade
        filter.upgrade = UpgradeRequestReader()
    }

    /// Goes on with the request; `bytes` is what stands behind it.
    func readUpgrade(_ bytes: inout UnsafeRawBufferPointer, _ filter: ConnectionFilter) {
        let outcome = filter.upgrade!.add(bytes)
        bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        switch outcome {
        case .incomplete: break
        case .tooLong: refuseUpgrade(filter, .tooLong)
        case .malformed: refuseUpgrade(filter, .malformed)
        case .request(let head, let behind):
            var settings = filter.plan.webSocket!
            settings.isSecure = filter.tls != nil
            do throws(UpgradeRefusal) {
                let request = try settings.judge(head)
                guard behind.isEmpty else { throw .early }
                agree(to: request, settings, filter)
            } catch {
                refuseUpgrade(filter, error)
            }
        }
    }

    private func agree(
        to request: WebSocketRequest, _ settings: WebSocketSettings, _ filter: ConnectionFilter
    ) {
        filter.upgrade = nil
        webSocketRequest = request
        enqueue(settings.agreement(to: request), .framed)
        filter.framer = WebSocketFramer(request)
        filter.webSocket = WebSocketDecoder(
            requiresMask: request.isMasked, mayCompress: request.compresses,
            messageLimit: settings.maximumMessageByteCount)
        filter.stage = .open
        let makeHandler = filter.makeHandler!
        filter.makeHandler = nil
        handler = makeHandler(self)
        open(filter)
    }

    func refuseUpgrade(_ filter: ConnectionFilter, _ refusal: UpgradeRefusal) {
        failure = .upgrade(refusal.reason)
        endReason = .handshakeFailed
        enqueue(refusal.response, .framed)
        close(afterFlush: true)
    }

    // MARK: Frames

    func readFrames(_ bytes: UnsafeRawBufferPointer, _ filter: ConnectionFilter) {
        var bytes = bytes
        while state == .open {
            let (memory, carried) = inputMemory(bytes.count)
            var added = 0
            var event: WebSocketDecoder.Event
            repeat {
                event = filter.webSocket!.next(&bytes, into: memory + carried + added)
                if case .content(let count) = event { added += count }
                if case .ping(let payload) = event {
                    enqueue(WebSocketFramer.control(.pong, payload), .framed)
                }
            } while event.staysInFrames
            if added > 0 { take(memory, carried: carried, added: added) }
            writeQueueIfPossible(on: loop)
            guard state == .open else { return }
            switch event {
            case .incomplete: return
            case .content, .ping: break
            case .compressed(let message): inflate(message, filter)
            case .close(let code):
                endReason = .peerClosed
                goodbye = WebSocketClose(answering: code)
                close(afterFlush: true)
            case .fault(let reason, let code): failFrames(reason, code)
            }
        }
    }

    /// Hands a compressed message to the handler, piece by piece.
    private func inflate(_ message: [UInt8], _ filter: ConnectionFilter) {
        let inflater = loop.filterMemory.inflater
        inflater.begin(message)
        var total = 0
        while state == .open {
            let (memory, carried) = inputMemory(FilterMemory.sliceByteCount)
            let (count, outcome) = inflater.next(
                into: memory + carried, capacity: FilterMemory.sliceByteCount)
            total += count
            guard total <= filter.plan.webSocket!.maximumMessageByteCount else {
                return failFrames("message too big", .messageTooBig)
            }
            if count > 0 { take(memory, carried: carried, added: count) }
            switch outcome {
            case .more: continue
            case .done: return
            case .corrupt: return failFrames("corrupt deflate data", .invalidPayload)
            }
        }
    }

    private func failFrames(_ reason: String, _ code: WebSocketClose.Code) {
        guard state == .open else { return }
        failure = .webSocket(reason)
        endReason = .malformedInput
        goodbye = WebSocketClose(code, reason)
        close(afterFlush: true)
    }
}

extension WebSocketDecoder.Event {
    /// Whether what follows may be taken in the same go.
    fileprivate var staysInFrames: Bool {
        switch self {
        case .content, .ping: true
        case .incomplete, .compressed, .close, .fault: false
        }
    }
}
