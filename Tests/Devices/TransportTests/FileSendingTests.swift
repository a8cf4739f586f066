import Glibc
import Platform
import Synchronization
import TemporaryFolders
import Testing
import Transport

/// Stretches of files between other bytes, to readers of all kinds.
@Suite struct FileSendingTests {
    /// A file with a pattern in it, whose name is gone: it lives as long as somebody has it open.
    private static func file(byteCount: Int) throws -> (file: any FileHandle, bytes: [UInt8]) {
        let folder = TemporaryFolder()
        defer { folder.remove() }
        let file = try LocalFileSystem().open(folder.path + "/file", .create)
        let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try file.writeFully(bytes.span.bytes, at: 0)
        return (file, bytes)
    }

    /// Answers whatever comes with what it was given.
    private final class Sender: ConnectionHandler {
        enum Part {
            case bytes([UInt8])
            case file(FileRegion)
        }

        private let parts: [Part]
        private let closesAfter: Bool
        private let end: @Sendable (Connection.EndReason?) -> Void
        private let progress: @Sendable (Int) -> Void

        init(
            _ parts: [Part], closesAfter: Bool = false,
            progress: @escaping @Sendable (Int) -> Void = { _ in },
            end: @escaping @Sendable (Connection.EndReason?) -> Void = { _ in }
        ) {
            self.parts = parts
            self.closesAfter = closesAfter
            self.progress = progress
            self.end = end
        }

        func received(_ bytes: RawSpan, on connection: Connection) -> Int {
            for part in parts {
                switch part {
                case .bytes(let bytes): connection.write(bytes)
                case .file(let region):
                    precondition(connection.sendsFiles)
                    connection.write(region)
                }
            }
            progress(connection.pendingByteCount)
            if closesAfter { connection.close(afterFlush: true) }
            return bytes.byteCount
        }

        func closed(_ connection: Connection) { end(connection.endReason) }
    }

    private static func waitFor(_ condition: () -> Bool) -> Bool {
        for _ in 0..<500 {
            if condition() { return true }
            pause(milliseconds: 10)
        }
        return condition()
    }

    @Test func `a stretch of a file is sent in its place between other bytes`() throws {
        let (file, bytes) = try Self.file(byteCount: 300_000)
        let long = [UInt8](repeating: 7, count: 100_000)
        let server = try TestServer { _ in
            Sender([
                .bytes([1, 2, 3]), .file(FileRegion(file: file, offset: 1000, byteCount: 200_000)),
                .bytes(long), .file(FileRegion(file: file, offset: 0, byteCount: 1)),
                .file(FileRegion(file: file, offset: 299_999, byteCount: 1)), .bytes([4, 5]),
            ])
        }
        defer { server.stop() }
        let client = Client(port: server.port)
        let expected = [1, 2, 3] + bytes[1000..<201_000] + long + [bytes[0], bytes[299_999], 4, 5]
        for _ in 0..<3 {
            client.send("x")
            #expect(client.receive(expected.count) == expected)
        }
    }

    @Test func `a slow reader gets all of a file that nobody else has any more, and then it is closed`() throws {
        weak var weakFile: (any FileHandle)?
        let count = 30_000_000
        var expected: [UInt8] = []
        let pending = Mutex(0)
        do {
            let (file, bytes) = try Self.file(byteCount: count)
            weakFile = file
            expected = bytes
            let parts: Mutex<[Sender.Part]?> = Mutex([
                .bytes([9]), .file(FileRegion(file: file, offset: 0, byteCount: count)), .bytes([8]),
            ])
            let server = try TestServer { _ in
                Sender(parts.withLock { $0.take() } ?? [], closesAfter: true) { count in pending.withLock { $0 = count } }
            }
            defer { server.stop() }
            let client = Client(port: server.port)
            client.send("x")
            pause(milliseconds: 50)
            var got: [UInt8] = []
            while got.count < count + 2 {
                let more = client.receive(min(1_000_000, count + 2 - got.count))
                if more.isEmpty { break }
                got += more
                pause(milliseconds: 2)
            }
            #expect(got.first == 9)
            #expect(got.last == 8)
            #expect(got.dropFirst().dropLast().elementsEqual(expected))
            #expect(client.sawEnd())
            // What waits is counted, though it takes no memory.
            #expect(pending.withLock { $0 } >= count)
        }
        #expect(Self.waitFor { weakFile == nil })
    }

    @Test func `a reader that goes away in the middle lets go of the file`() throws {
        weak var weakFile: (any FileHandle)?
        do {
            let (file, _) = try Self.file(byteCount: 30_000_000)
            weakFile = file
            let parts: Mutex<[Sender.Part]?> = Mutex([
                .file(FileRegion(file: file, offset: 0, byteCount: 30_000_000)),
                .file(FileRegion(file: file, offset: 5, byteCount: 10_000_000)),
            ])
            let ends = Mutex<[Connection.EndReason?]>([])
            let server = try TestServer { _ in
                Sender(parts.withLock { $0.take() } ?? [], end: { end in ends.withLock { $0.append(end) } })
            }
            defer { server.stop() }
            let client = Client(port: server.port)
            client.send("x")
            #expect(client.receive(100_000).count == 100_000)
            client.close()
            #expect(Self.waitFor { ends.withLock { $0.count } == 1 })
        }
        #expect(Self.waitFor { weakFile == nil })
    }

    @Test func `a reader that takes nothing is cut off when its limit is reached`() throws {
        let (file, _) = try Self.file(byteCount: 10_000_000)
        let ends = Mutex<[Connection.EndReason?]>([])
        let server = try TestServer { connection in
            connection.pendingLimit = 12_000_000
            let region = FileRegion(file: file, offset: 0, byteCount: 10_000_000)
            return Sender(Array(repeating: .file(region), count: 4), end: { end in ends.withLock { $0.append(end) } })
        }
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("x")
        #expect(Self.waitFor { ends.withLock { $0.count } == 1 })
        #expect(ends.withLock { $0 } == [.slowReader])
        _ = client
    }

    @Test func `a file that is shorter than was thought ends the connection`() throws {
        let (file, bytes) = try Self.file(byteCount: 100_000)
        let ends = Mutex<[Connection.EndReason?]>([])
        let server = try TestServer { _ in
            Sender(
                [.file(FileRegion(file: file, offset: 0, byteCount: 100_001)), .bytes([1])],
                end: { end in ends.withLock { $0.append(end) } })
        }
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("x")
        #expect(client.receive(100_001) == bytes)
        #expect(Self.waitFor { ends.withLock { $0.count } == 1 })
        #expect(ends.withLock { $0 } == [.failed])
    }

    @Test func `others on the loop have their turn while a fast reader gets much`() throws {
        let (file, _) = try Self.file(byteCount: 20_000_000)
        let region = FileRegion(file: file, offset: 0, byteCount: 20_000_000)
        let server = try TestServer(loopCount: 1) { connection in
            connection.pendingLimit = 1 << 30
            return Sender(Array(repeating: .file(region), count: 20))
        }
        defer { server.stop() }
        let clients = (0..<3).map { _ in Client(port: server.port) }
        for client in clients { client.send("x") }
        // All of them at once: nobody waits until another has had everything.
        for _ in 0..<400 {
            for client in clients { #expect(client.receive(1_000_000).count == 1_000_000) }
        }
    }
}
