import Platform

extension EventLoop {
    /// Turns until the group stops it.
    func run() {
        bindToCurrentThread()
        schedule(afterNanoseconds: Self.sweepNanoseconds) { [unowned self] in sweep() }
        var events: [Poller.Event] = []
        while true {
            events.removeAll(keepingCapacity: true)
            wait(into: &events)
            now = Clock.now()
            monotonicNanoseconds = Clock.monotonicNanoseconds()
            turn &+= 1
            for work in mailbox.takeAll() { work() }
            readReady()
            for event in events { handle(event) }
            while let work = timers.popDue(monotonicNanoseconds) { work() }
            for hook in hooks { hook() }
            flushDirty()
            endClosing()
            if isStopping, connections.isEmpty { break }
        }
        listeners = []
    }

    private func wait(into events: inout [Poller.Event]) {
        var timeout: Int32 = -1
        if !ready.isEmpty || !closing.isEmpty {
            timeout = 0
        } else if let deadline = timers.nextDeadline {
            let nanoseconds = deadline - Clock.monotonicNanoseconds()
            // Rounded up, so that a timer is due when the wait is over.
            timeout = nanoseconds <= 0 ? 0 : Int32(min((nanoseconds + 999_999) / 1_000_000, 60_000))
        }
        if timeout != 0, !mailbox.prepareToSleep() { timeout = 0 }
        poller.wait(timeoutMilliseconds: timeout, into: &events)
        mailbox.awake()
    }

    private func readReady() {
        if ready.isEmpty { return }
        var batch: [Connection] = []
        swap(&batch, &ready)
        for connection in batch { connection.isInReady = false }
        for connection in batch { connection.readTurn() }
    }

    private func handle(_ event: Poller.Event) {
        if event.data == PollTag.wakeup {
            poller.clearWakeup()
        } else if PollTag.isListener(event.data) {
            PollTag.listener(event.data).acceptAll()
        } else {
            let connection = PollTag.connection(event.data)
            if event.isWritable { connection.socketIsWritable() }
            if event.isHangup { connection.peerHungUp = true }
            if event.isReadable || event.isHangup { connection.readTurn() }
        }
    }

    /// Writes what this loop has staged, each socket once.
    func flushDirty() {
        while !dirty.isEmpty {
            var batch: [Connection] = []
            swap(&batch, &dirty)
            for connection in batch { connection.flushStage(of: self) }
            if dirty.isEmpty {
                // Keeps the array's memory for the next turn.
                batch.removeAll(keepingCapacity: true)
                swap(&batch, &dirty)
            }
        }
    }

    private func endClosing() {
        ended.removeAll(keepingCapacity: true)
        // A handler that learns of the end may end others.
        while !closing.isEmpty {
            var batch: [Connection] = []
            swap(&batch, &closing)
            for connection in batch { connection.endIfPossible() }
            flushDirty()
        }
    }

    func remove(_ connection: Connection) {
        let last = connections.count - 1
        connections.swapAt(connection.place, last)
        connections[connection.place].place = connection.place
        connections.removeLast()
        ended.append(connection)
    }

    private static let sweepNanoseconds: Int64 = 1_000_000_000

    /// Ends connections whose peer takes nothing, or lingers after its end.
    private func sweep() {
        for connection in connections { connection.checkDeadlines() }
        schedule(afterNanoseconds: Self.sweepNanoseconds) { [unowned self] in sweep() }
    }

    /// Ends all connections; the loop's thread ends when they have.
    func stop() {
        isStopping = true
        for listener in listeners { listener.close() }
        for connection in connections {
            connection.goodbye = WebSocketClose(.goingAway, "Server Shutdown")
            connection.close(afterFlush: true, linger: false)
        }
        schedule(afterNanoseconds: 500_000_000) { [unowned self] in
            for connection in connections { connection.close(afterFlush: false) }
        }
    }
}
