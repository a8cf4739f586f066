import Model
import Platform
import Storage
import Testing

/// docs/formats/wal.md, "Torn or damaged": the end that was never acknowledged is cut; all else is
/// kept or told.
@Suite struct RecoveryTests {
    /// Frames of 0...`count`, each in a group of its own, and the disk they are on.
    private func written(
        _ count: Int, close: Bool
    ) throws -> (disk: MemoryFileSystem, frames: [SeenFrame]) {
        let disk = MemoryFileSystem()
        let (log, _, _) = try open("/data", options(disk))
        var frames: [SeenFrame] = []
        for index in 0..<count {
            let bytes = payload(index, byteCount: 41 + 3 * index)
            var head = header(Int64(index), log: UInt32(100 + index))
            let position = try log.append(head, bytes)
            head.payloadByteCount = bytes.count
            frames.append(SeenFrame(header: head, payload: bytes, position: position))
            log.flush()
        }
        let killed = disk.afterKill()
        log.close()
        return (close ? disk : killed, frames)
    }

    private func end(_ frame: SeenFrame) -> Int {
        (frame.position.offset + 56 + frame.payload.count + 7) & ~7
    }

    @Test func `every truncation of the last frame keeps all frames before it`() throws {
        let (disk, frames) = try written(6, close: false)
        let file = disk[logPath(1)]!
        // Without padding and without a zero at its end, so that each byte that is missing is
        // missed.
        let last = frames[5]
        try #require(last.payload.count % 8 == 0 && last.payload.last != 0)
        for cutAt in last.position.offset..<end(last) {
            for isZeroed in [false, true] {
                let copy = disk.afterKill()
                copy[logPath(1)] =
                    Array(file[..<cutAt])
                    + (isZeroed ? [UInt8](repeating: 0, count: file.count - cutAt) : [])
                let (log, seen, report) = try open("/data", options(copy))
                #expect(seen == Array(frames[..<5]), "cut at \(cutAt)")
                #expect(report.damage.isEmpty, "cut at \(cutAt)")
                let kept = cutAt - last.position.offset
                #expect(report.cutByteCount <= end(last) - last.position.offset)
                #expect((report.cut == nil) == (kept == 0))
                // The log goes on where it was cut, and nothing of the torn frame comes back.
                let position = try log.append(header(77), [])
                #expect(position == last.position)
                log.close()
                let (again, seenAgain, second) = try open("/data", options(copy))
                #expect(seenAgain.map(\.header.baseOffset.value) == [0, 1, 2, 3, 4, 77])
                #expect(second.damage.isEmpty)
                #expect(second.cut == nil)
                again.close()
            }
        }
    }

    @Test func `a flipped bit anywhere in a closed log is told, and every other frame is read`()
        throws
    {
        let (disk, frames) = try written(5, close: true)
        let file = disk[logPath(1)]!
        let contentEnd = end(frames[4])
        #expect(file.count == contentEnd + 56)
        for byte in file.indices {
            let copy = disk.afterKill()
            var bytes = file
            bytes[byte] ^= 1 << (byte % 8)
            copy[logPath(1)] = bytes
            let (log, seen, report) = try open("/data", options(copy))
            defer { log.close() }
            let hit = frames.firstIndex { $0.position.offset <= byte && byte < end($0) }
            #expect(seen == frames.enumerated().filter { $0.offset != hit }.map(\.element))
            if let hit {
                try #require(report.damage.count == 1, "byte \(byte)")
                let damage = report.damage[0]
                #expect(damage.offset == frames[hit].position.offset)
                #expect(damage.byteCount == end(frames[hit]) - damage.offset)
                #expect(damage.path == logPath(1))
                let isInPayload = byte >= damage.offset + 56
                #expect(damage.reason == (isInPayload ? .payload : .frameHeader))
                #expect(damage.frame == (isInPayload ? frames[hit].header : nil))
                #expect(report.cut == nil)
            } else if byte < 4096 {
                #expect(report.damage.map(\.reason) == [.fileHeader])
                #expect(report.cut == nil)
            } else {
                // The mark, which carries nothing.
                #expect(report.damage.isEmpty)
                #expect(report.cut?.offset == contentEnd)
            }
        }
    }

    @Test func `a flipped bit in a log that was killed is told, and cuts the last group at most`()
        throws
    {
        let (disk, frames) = try written(5, close: false)
        let file = disk[logPath(1)]!
        for byte in 4096..<end(frames[4]) {
            let copy = disk.afterKill()
            var bytes = file
            bytes[byte] ^= 0x80
            copy[logPath(1)] = bytes
            let (log, seen, report) = try open("/data", options(copy))
            defer { log.close() }
            let hit = frames.firstIndex { $0.position.offset <= byte && byte < end($0) }!
            #expect(seen == frames.enumerated().filter { $0.offset != hit }.map(\.element))
            if hit < 4 {
                #expect(report.damage.map(\.offset) == [frames[hit].position.offset])
                #expect(report.cut == nil)
            } else {
                #expect(report.damage.isEmpty)
                #expect(report.cut?.offset == frames[4].position.offset)
                let kept = try #require(report.cut?.keptAs)
                #expect(copy[kept] == Array(bytes[frames[4].position.offset..<end(frames[4])]))
            }
        }
    }

    @Test func `what is damaged stays where it is and is told again at each start`() throws {
        let (disk, frames) = try written(3, close: true)
        disk[logPath(1)]![frames[1].position.offset + 60] ^= 1
        let damaged = disk[logPath(1)]![frames[1].position.offset..<end(frames[1])]
        for round in 0..<3 {
            let (log, seen, report) = try open("/data", options(disk))
            #expect(seen.count == 2 + round)
            #expect(report.damage.map(\.frame) == [frames[1].header])
            try log.append(header(Int64(10 + round)), [1])
            log.close()
        }
        #expect(disk[logPath(1)]![frames[1].position.offset..<end(frames[1])] == damaged)
    }

    @Test func `a damaged frame cannot be read, and its neighbours can`() throws {
        let (disk, frames) = try written(3, close: true)
        disk[logPath(1)]![frames[1].position.offset + 60] ^= 1
        disk[logPath(1)]![frames[2].position.offset + 20] ^= 1
        let (log, _, _) = try open("/data", options(disk))
        defer { log.close() }
        let sizes = frames.map(\.payload.count)
        #expect(
            try log.read(frames[0].position, byteCount: sizes[0], verifyingPayload: true)
                == frames[0].payload)
        for index in 1...2 {
            #expect(
                throws: StorageError.damaged(
                    path: logPath(1), offset: frames[index].position.offset)
            ) {
                try log.read(
                    frames[index].position, byteCount: sizes[index], verifyingPayload: true)
            }
        }
    }

    @Test func `whole frames behind a tear of the last group go with it`() throws {
        let disk = MemoryFileSystem()
        let (log, _, _) = try open("/data", options(disk))
        try log.append(header(0), payload(0, byteCount: 100))
        log.flush()
        var positions: [WALPosition] = []
        for index in 1...4 {
            positions.append(
                try log.append(header(Int64(index)), payload(index, byteCount: 100)))
        }
        log.flush()
        let copy = disk.afterKill()
        log.close()
        copy[logPath(1)]![positions[1].offset + 70] ^= 1
        let (again, seen, report) = try open("/data", options(copy))
        defer { again.close() }
        #expect(seen.map(\.header.baseOffset.value) == [0, 1])
        #expect(report.damage.isEmpty)
        #expect(report.cut?.offset == positions[1].offset)
        #expect(report.cut?.wholeFrameCount == 2)
        #expect(copy[logPath(1)]![positions[1].offset...].allSatisfy { $0 == 0 })
    }

    @Test func `damage in front of a tear lets nothing through that is behind the tear`() throws {
        let disk = MemoryFileSystem()
        let (log, _, _) = try open("/data", options(disk))
        let whole = try log.append(header(0), payload(0, byteCount: 50))
        log.flush()
        let damaged = try log.append(header(1), payload(1, byteCount: 50))
        log.flush()
        // One group, of which the first frame never came to the device.
        let torn = try log.append(header(2), payload(2, byteCount: 50))
        let behind = try log.append(header(3), payload(3, byteCount: 50))
        try log.append(header(4), payload(4, byteCount: 50))
        log.flush()
        let killed = disk.afterKill()
        log.close()
        killed[logPath(1)]![damaged.offset + 30] ^= 1
        for byte in torn.offset..<behind.offset { killed[logPath(1)]![byte] = 0 }
        for start in 0..<2 {
            let (again, seen, report) = try open("/data", options(killed))
            #expect(seen.map(\.position) == [whole])
            #expect(report.damage.map { $0.offset..<$0.offset + $0.byteCount } == [damaged.offset..<torn.offset])
            #expect(report.cut?.offset == (start == 0 ? torn.offset : nil))
            #expect(report.cut?.wholeFrameCount == (start == 0 ? 2 : nil))
            #expect(again.endPosition == torn)
            // The mark at the end says from now on that what is damaged was good once.
            again.close()
        }
    }

    @Test func `an idle log marks its end, so that even the last group is known to be durable`()
        async throws
    {
        let disk = MemoryFileSystem()
        let (log, _, _) = try open("/data", options(disk))
        let position = try log.append(header(0), payload(0, byteCount: 100))
        log.flush()
        let writes = disk.writeCount
        for _ in 0..<100 where disk.writeCount == writes {
            try await Task.sleep(for: .milliseconds(50))
        }
        try await Task.sleep(for: .milliseconds(50))
        let copy = disk.afterPowerLoss(seed: 1)
        // The next frame takes the place of the mark.
        let next = try log.append(header(1), payload(1, byteCount: 3))
        #expect(next.offset == position.offset + 160)
        log.close()
        copy[logPath(1)]![position.offset + 70] ^= 1
        let (again, _, report) = try open("/data", options(copy))
        #expect(report.damage.map(\.offset) == [position.offset])
        #expect(report.cut == nil)
        again.close()
        let (third, seen, whole) = try open("/data", options(disk))
        #expect(seen.count == 2)
        #expect(whole.damage.isEmpty)
        third.close()
    }

    @Test func `frames of an older file or of another folder never verify`() throws {
        let (disk, frames) = try written(3, close: false)
        let (other, _) = try written(6, close: false)
        let (log, _, _) = try open("/data", options(disk))
        log.close()
        var bytes = disk[logPath(1)]!
        let stale = other[logPath(1)]!
        bytes += stale[bytes.count..<end(frames[2]) + 600]
        bytes.replaceSubrange(
            end(frames[2])..<end(frames[2]) + 600,
            with: stale[end(frames[2])..<end(frames[2]) + 600])
        disk[logPath(1)] = bytes
        let (again, seen, report) = try open("/data", options(disk))
        #expect(seen == frames)
        #expect(report.cut?.offset == end(frames[2]))
        again.close()

        // The same folder's file 1 in the place of file 2.
        let (third, _, _) = try open("/data", options(disk))
        for index in 0..<3 {
            try third.append(header(Int64(9 + index)), payload(index, byteCount: 40_000))
        }
        third.close()
        disk[logPath(2)] = disk[logPath(1)]
        let (_, left, swapped) = try open("/data", options(disk))
        #expect(left.allSatisfy { $0.position.fileNumber != 2 })
        #expect(swapped.damage.contains { $0.path == logPath(2) && $0.reason == .fileHeader })
        #expect(swapped.damage.contains { $0.path == logPath(2) && $0.offset == 4096 })
    }

    @Test func `a missing file is told, and the others are read`() throws {
        let disk = MemoryFileSystem()
        let (log, _, _) = try open("/data", options(disk))
        for index in 0..<12 {
            try log.append(header(Int64(index)), payload(index, byteCount: 30_000))
        }
        log.close()
        #expect(disk[logPath(6)] != nil)
        disk[logPath(3)] = nil
        disk[logPath(4)] = nil
        let (again, seen, report) = try open("/data", options(disk))
        #expect(seen.map(\.header.baseOffset.value) == [0, 1, 2, 3, 8, 9, 10, 11])
        #expect(report.damage.map(\.reason) == [.missingFiles(through: 4)])
        #expect(report.damage[0].path == logPath(3))
        again.close()

        disk[logPath(1)] = nil
        disk[logPath(6)] = nil
        let (third, _, both) = try open("/data", options(disk))
        #expect(
            both.damage.map(\.reason) == [
                .missingFiles(through: 1), .missingFiles(through: 4), .missingFiles(through: 6),
            ])
        let position = try third.append(header(50), [1])
        #expect(position.fileNumber == 6)
        third.close()
    }

    @Test func `an older file that lost its end is damage, not a torn end`() throws {
        let disk = MemoryFileSystem()
        let (log, _, _) = try open("/data", options(disk))
        for index in 0..<4 {
            try log.append(header(Int64(index)), payload(index, byteCount: 30_000))
        }
        log.close()
        var bytes = disk[logPath(1)]!
        bytes.replaceSubrange(35_000..., with: [UInt8](repeating: 0, count: bytes.count - 35_000))
        disk[logPath(1)] = bytes
        let (again, seen, report) = try open("/data", options(disk))
        #expect(seen.map(\.header.baseOffset.value) == [0, 2, 3])
        #expect(report.cut == nil)
        #expect(report.damage.map(\.path) == [logPath(1), logPath(1)])
        #expect(report.damage.map(\.reason) == [.payload, .missingEnd])
        #expect(disk[logPath(1)] == bytes)
        again.close()
    }

    @Test func `a callback that throws changes nothing`() throws {
        struct Stop: Error {}
        let (disk, _) = try written(3, close: false)
        let before = disk[logPath(1)]
        let log = try WriteAheadLog(directory: "/data", options: options(disk))
        #expect(throws: Stop.self) { try log.replay { _, _, _ in throw Stop() } }
        log.close()
        #expect(disk[logPath(1)] == before)
    }
}
