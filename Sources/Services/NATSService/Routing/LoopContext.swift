import Transport

/// What the routers of all accounts share on one loop. For that loop only.
final class LoopContext: @unchecked Sendable {
    let loop: EventLoop
    let hub: CaptureHub
    /// Tells sessions that one of their subscriptions has had its last message.
    var onExhausted: ((Subscription) -> Void)?
    /// The routers that somebody used in this turn.
    private var active: [LoopRouter] = []

    init(loop: EventLoop, hub: CaptureHub) {
        self.loop = loop
        self.hub = hub
    }

    func activate(_ router: LoopRouter) { active.append(router) }

    /// At the end of the turn, before its output is written: who has got a message finds it
    /// counted.
    func endTurn() {
        guard !active.isEmpty else { return }
        // What the inbox publishes meanwhile may bring in more of them.
        var index = 0
        while index < active.count {
            active[index].handOverCaptured()
            index += 1
        }
        var left: [LoopRouter] = []
        for router in active where router.finishTurn() { left.append(router) }
        active.removeAll(keepingCapacity: true)
        active += left
        // What was captured while the inbox read is for the next turn, which must come then.
        if !left.isEmpty { loop.post {} }
    }
}
