import Glibc

/// What this process has taken of the machine.
public struct ProcessUsage: Sendable, Equatable {
    /// What it holds in memory.
    public var residentByteCount: Int64 = 0
    /// User and system time since its start.
    public var processorNanoseconds: Int64 = 0

    /// As it is now. What cannot be read is 0.
    public static func now() -> ProcessUsage {
        var usage = ProcessUsage()
        usage.residentByteCount = residentByteCount()
        var times = timespec()
        if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &times) == 0 {
            usage.processorNanoseconds = Int64(times.tv_sec) * 1_000_000_000 + Int64(times.tv_nsec)
        }
        return usage
    }

    /// The second number of `/proc/self/statm` counts pages.
    private static func residentByteCount() -> Int64 {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(file, &bytes, bytes.count)
        let fields = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
            .split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}

/// What the machine has.
public enum Machine {
    public static var coreCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// All of its memory, in bytes.
    public static var memoryByteCount: Int64 {
        Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// How many bytes may still be written to the file system of `path`; 0 where that is unknown.
    public static func freeByteCount(at path: String) -> Int64 {
        var numbers = statvfs()
        guard statvfs(path, &numbers) == 0 else { return 0 }
        return Int64(numbers.f_bavail) * Int64(numbers.f_frsize)
    }
}
