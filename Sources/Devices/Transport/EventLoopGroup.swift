import Glibc
public import Platform

/// The loops of the process, a thread each. Loop 0 is the home of everything that has one place
/// only.
public final class EventLoopGroup: @unchecked Sendable {
    public let loops: [EventLoop]

    private var threads: [Thread] = []

    public init(loopCount: Int) throws(SocketError) {
        precondition(loopCount > 0)
        // A peer that closed is told by an error code, not by a signal that ends the process.
        _ = signal(SIGPIPE, SIG_IGN)
        var loops: [EventLoop] = []
        for index in 0..<loopCount {
            loops.append(try EventLoop(index: index, loopCount: loopCount))
        }
        self.loops = loops
    }

    public func start() {
        precondition(threads.isEmpty, "started twice")
        threads = loops.map { loop in Thread(name: "loop-\(loop.index)") { loop.run() } }
    }

    /// Closes what listens and what is connected, after writing what is pending and fits, and waits
    /// for the threads to end. Not to be called on a loop.
    public func stop() {
        for loop in loops { loop.post { loop.stop() } }
        for thread in threads { thread.join() }
        threads = []
    }
}
