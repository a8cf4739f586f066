import CPlatform
import Glibc

/// A named system thread that runs one function to its end.
public struct Thread: @unchecked Sendable {
    private let handle: pthread_t

    /// Starts the thread. `name` is cut to the 15 bytes that the kernel keeps.
    public init(name: String, _ body: @escaping @Sendable () -> Void) {
        final class Box {
            let name: String
            let body: @Sendable () -> Void

            init(_ name: String, _ body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }
        }
        // The box is retained for the thread, which takes that reference over as it begins.
        let box = Unmanaged.passRetained(Box(name, body))
        var handle = pthread_t()
        let result = pthread_create(
            &handle, nil,
            { argument in
                let box = Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue()
                String(box.name.prefix(15)).withCString { duolog_thread_name($0) }
                box.body()
                return nil
            }, box.toOpaque())
        precondition(result == 0, "cannot start thread \(name): errno \(result)")
        self.handle = handle
    }

    /// Waits until the thread has ended. To be called once, or ``detach()`` is.
    public func join() { pthread_join(handle, nil) }

    /// Nobody will wait: its stack goes when it ends.
    public func detach() { pthread_detach(handle) }

    /// Makes the calling thread give way to others, for processor and disk alike.
    public static func yieldToOthers() { duolog_thread_yield_to_others() }

    /// Something that tells this thread from all others that are alive.
    public static var currentIdentifier: UInt { UInt(pthread_self()) }
}
