import Glibc

/// The signals that the server answers to, waited for on the main thread.
///
/// They are blocked before any other thread starts, so that no other thread gets them.
struct Signals {
    private var set = sigset_t()

    /// Blocks the signals; the threads that start later inherit that.
    init() {
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, Self.own] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Waits for the next one.
    func next() -> Int32 {
        var set = set
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
        return number
    }

    /// What the server sends itself when it is done.
    private static var own: Int32 { __libc_current_sigrtmin() }

    /// Lets ``next()`` return with a signal that has no name. Any thread.
    static func end() { kill(getpid(), own) }

    /// In nats-server's words; nil for the server's own.
    static func name(_ signal: Int32) -> String? {
        switch signal {
        case SIGINT: "interrupt"
        case SIGTERM: "terminated"
        case SIGHUP: "hangup"
        case SIGUSR1: "user defined signal 1"
        case SIGUSR2: "user defined signal 2"
        default: nil
        }
    }
}
