import Glibc

/// The signals that the server answers to, waited for on the main thread.
///
/// They are blocked before any other thread starts, so that no other thread gets them.
struct Signals {
    private var set = sigset_t()

    /// Blocks the signals; the threads that start later inherit that.
    init() {
        sigemptyset(&set)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2] { sigaddset(&set, signal) }
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
}
