import Testing

/// The rules of CONTRIBUTING.md that a machine can check.
struct HouseRuleTests {
    /// The files that may hold `unsafe` code. A file joins the list only together with the sentence, at each
    /// use, that makes it true.
    private static let unsafeFiles: Set<String> = [
        "Sources/Devices/Platform/CrashPoint.swift",
        "Sources/Devices/Platform/Monitor.swift",
        "Sources/Devices/Platform/Poller.swift",
        "Sources/Devices/Platform/Socket+Address.swift",
        "Sources/Devices/Platform/Socket+Listen.swift",
        "Sources/Devices/Platform/Socket.swift",
        "Sources/Devices/Platform/Syscalls.swift",
        "Sources/Devices/Storage/WAL/WALBlock.swift",
        "Sources/Devices/Transport/Connection+Input.swift",
        "Sources/Devices/Transport/Connection+Output.swift",
        "Sources/Devices/Transport/Connection.swift",
        "Sources/Devices/Transport/DeliveryCounters.swift",
        "Sources/Devices/Transport/EventLoop+Stage.swift",
        "Sources/Devices/Transport/EventLoop.swift",
        "Sources/Devices/Transport/Filters/Connection+FilteredInput.swift",
        "Sources/Devices/Transport/Filters/Connection+FilteredOutput.swift",
        "Sources/Devices/Transport/Filters/ConnectionFilter.swift",
        "Sources/Devices/Transport/Filters/WireBuffer.swift",
        "Sources/Devices/Transport/OutputBlock.swift",
        "Sources/Devices/Transport/TLS/TLSContext.swift",
        "Sources/Devices/Transport/TLS/TLSIdentity.swift",
        "Sources/Devices/Transport/TLS/TLSSession.swift",
        "Sources/Devices/Transport/WebSocket/Connection+WebSocket.swift",
        "Sources/Devices/Transport/WebSocket/Deflate.swift",
        "Sources/Devices/Transport/WebSocket/UpgradeRequestReader.swift",
        "Sources/Devices/Transport/WebSocket/WebSocketDecoder.swift",
        "Sources/Devices/Transport/WebSocket/WebSocketFramer.swift",
        "Sources/Formats/JSON/JSONParser.swift",
        "Sources/Formats/NATSProtocol/ClientParser+Line.swift",
        "Sources/Formats/NATSProtocol/ClientParser.swift",
        "Sources/Formats/Records/GzipCodec.swift",
        "Sources/Formats/Records/LZ4Codec.swift",
        "Sources/Formats/Records/SnappyCodec.swift",
        "Sources/Formats/Records/ZstdCodec.swift",
        "Sources/Services/NATSService/Core/ClientSession+Publish.swift",
        "Sources/Services/NATSService/Core/ClientSession.swift",
        "Sources/Services/NATSService/Routing/CapturedBlock.swift",
        "Sources/Services/NATSService/Routing/LoopRouter+Publish.swift",
        "Sources/Services/NATSService/Routing/LoopRouter.swift",
        "Sources/Services/NATSService/Routing/MatchCache.swift",
        "Sources/Services/NATSService/Routing/MatchEntry.swift",
        "Sources/Services/NATSService/Routing/Subscription.swift",
        "Sources/Services/NATSService/Routing/SubscriptionIndex.swift",
        "Sources/Vocabulary/Bytes/ByteReader.swift",
        "Sources/Vocabulary/Bytes/ByteWriter.swift",
        "Sources/Vocabulary/Bytes/CRC32C.swift",
        "Sources/Vocabulary/Bytes/GrowingBytes.swift",
        "Sources/Vocabulary/Bytes/MutableBytes.swift",
        "Sources/Vocabulary/Bytes/QuickHash.swift",
        "Sources/Vocabulary/Bytes/RawSpan+Byte.swift",
        "Sources/Vocabulary/Bytes/RawSpan+Bytes.swift",
        "Sources/Vocabulary/Bytes/Text.swift",
    ]

    @Test func `no file is longer than 600 lines`() {
        let long = SourceTree.everything.filter { $0.lines.count > 600 }
        #expect(long.map { "\($0.path): \($0.lines.count)" } == [])
    }

    @Test func `nothing is left for later in the code`() {
        // Spelled in two halves, so that this file is no finding.
        let marks = ["TO" + "DO", "FIX" + "ME", "not (yet) " + "implemented", "unimple" + "mented"]
        let findings = SourceTree.everything.flatMap { file in
            file.lines.enumerated().filter { _, line in marks.contains { line.contains($0) } }
                .map { "\(file.path):\($0.offset + 1)" }
        }
        #expect(findings == [])
    }

    @Test func `unsafe code has an address`() {
        let holders = SourceTree.sources.filter { file in file.lines.contains(where: isUnsafe) }
        #expect(Set(holders.map(\.path)).subtracting(Self.unsafeFiles).sorted() == [])
    }

    @Test func `the list of unsafe files names no file that has become safe`() {
        let holders = SourceTree.sources.filter { file in file.lines.contains(where: isUnsafe) }
        #expect(Self.unsafeFiles.subtracting(holders.map(\.path)).sorted() == [])
    }

    /// Decision 29.
    private static let uncheckedFiles: Set<String> = [
        "Sources/Devices/Transport/EventLoop.swift",
        "Sources/Services/Broker/Broker.swift",
        "Sources/Services/Broker/PartitionLog.swift",
    ]

    @Test func `only plain numbers go unchecked for exclusive access, in files with that list`() {
        let plain = ["Timestamp", "Int64", "Int = ", "= 0", "= false", "= Offset(0)", "= Durability.sync"]
        for file in SourceTree.sources {
            for line in file.lines where line.contains("@exclusivity(unchecked)") {
                #expect(Self.uncheckedFiles.contains(file.path), "\(file.path)")
                #expect(plain.contains { line.contains($0) }, "\(file.path): \(line)")
            }
        }
    }

    private func isUnsafe(_ line: Substring) -> Bool {
        let code = line.prefix(upTo: line.firstRange(of: "//")?.lowerBound ?? line.endIndex)
        return code.contains("Unsafe") || code.contains("unsafe ")
            || code.contains("nonisolated(unsafe)")
    }
}
