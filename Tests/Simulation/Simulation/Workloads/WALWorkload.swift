import Bytes
import Model
import Platform
import Storage

/// The write-ahead log by itself: frames of many logs are appended, written, synced and read in any
/// order, the process ends or the power goes at any operation, and the next life goes on.
///
///     append ─► submit ─► writer step ─► durable mark        oracle: FrameHistory
///                   space steps in between                   faults: SimulatedDisk
final class WALWorkload: Workload {
    private let disk: SimulatedDisk
    private let plan: Plan
    private let clock = SimulatedClock()
    private let trace: Trace
    private let careless: Carelessness?
    private var random: SeededRandom
    private var history = FrameHistory()
    private var log: WriteAheadLog?
    /// The next offset of each log.
    private var offsets: [Int64]
    private var contentSeed: UInt64 = 0
    /// A background step is under way, so whatever happens now happens in between.
    private var isInBackground = false
    /// The log has said that it cannot go on; each life has a flag of its own.
    private var failed = Flag()
    private(set) var statistics = Statistics()

    init(
        _ random: inout SeededRandom, plan: Plan, disk: SimulatedDisk, careless: Carelessness?
    ) {
        self.random = random.fork()
        self.plan = plan
        self.disk = disk
        self.careless = careless
        trace = disk.trace
        offsets = Array(repeating: 0, count: plan.logCount)
    }

    func run() throws {
        for life in 0..<plan.lives {
            try start()
            disk.faults = plan.faults
            if plan.crashesInside, !random.oneIn(4) {
                disk.operationsUntilCrash = 1 + random.below(plan.stepsPerLife * 2)
            }
            disk.onOperation = { [unowned self] in interrupt() }
            try live()
            end(isLast: life == plan.lives - 1)
        }
        try start()
        log?.close()
        log = nil
    }

    // MARK: Lives

    /// Opens the log, however often it takes: a crash or an error may come in recovery too.
    private func start() throws {
        for attempt in 0... {
            let mayFail = attempt < 4 && random.oneIn(3)
            disk.faults = mayFail ? plan.faults : DiskFaults()
            if mayFail, plan.crashesInside { disk.operationsUntilCrash = 1 + random.below(60) }
            // Nothing can be made ready on a disk that is full before anything is there.
            if attempt > 0 { disk.capacity = nil }
            do {
                try open(isFirstAttempt: attempt == 0)
                disk.operationsUntilCrash = nil
                disk.capacity = plan.capacity
                return
            } catch let error as StorageError {
                try demand(mayFail || attempt == 0 && disk.capacity != nil, "no start: \(error)")
                trace.add(20, 0, 0, "the start fails: \(error)")
                statistics.failedStarts += 1
                endProcess()
            }
        }
    }

    private func open(isFirstAttempt: Bool) throws {
        var options = WriteAheadLog.Options()
        options.fileSystem = disk
        options.fileByteCount = plan.fileByteCount
        options.runsThreads = false
        options.time = clock.source
        options.tailByteCount = random.pick([0, 8 << 20])
        let id = random.next()
        options.newFolderID = { FrameContent.bytes(id, byteCount: 16) }
        let failed = Flag()
        self.failed = failed
        options.fatal = { _ in failed.set() }
        let log = try WriteAheadLog(directory: "/data", options: options)
        self.log = log
        var seen: [(header: FrameHeader, contentSeed: UInt64?, position: WALPosition)] = []
        let report = try log.replay { header, payload, position in
            seen.append((header, Self.contentSeed(of: payload), position))
        }
        trace.add(21, seen.count, report.damage.count, "started with \(seen.count) frames")
        if disk.isOff { throw StorageError.closed }
        try history.check(seen, report, mayBeCut: !isFirstAttempt)
        statistics.starts += 1
        offsets = Array(repeating: 0, count: plan.logCount)
        for frame in history.frames {
            offsets[Int(frame.header.log.value)] = frame.header.lastOffset.value + 1
        }
    }

    private func live() throws {
        for _ in 0..<plan.stepsPerLife where !disk.isOff && !failed.isSet {
            try step(plan.nextStep(&random, of: [
                .append, .submit, .flush, .read, .writer, .space, .idle, .room,
            ]))
        }
    }

    private func end(isLast: Bool) {
        disk.onOperation = nil
        if !disk.isOff, !failed.isSet, random.oneIn(4) {
            trace.add(22, 0, 0, "clean stop")
            log?.close()
            promise()
        }
        endProcess()
    }

    /// Ends the process and sometimes the power with it, and then sometimes damages what is left.
    private func endProcess() {
        promise()
        let losesPower = disk.isOff ? !random.oneIn(4) : random.oneIn(2)
        if losesPower {
            history.powerIsLost()
        } else if !failed.isSet, let log {
            history.promiseWhilePowerLasts(upTo: log.writtenMark)
        }
        if losesPower { disk.losePower() } else { disk.endProcess() }
        // Whatever the old process still tries comes too late.
        log = nil
        statistics.crashes += 1
        if losesPower, plan.damagesAtRest { damageSomething() }
    }

    private func promise() {
        guard let log else { return }
        let mark = careless == .acknowledgesUnsynced ? log.appendedMark : log.durableMark
        history.promise(upTo: mark)
    }

    // MARK: Steps

    private func step(_ step: Plan.Step) throws {
        guard let log else { return }
        promise()
        switch step {
        case .append: try append(log)
        case .submit: log.submit()
        case .flush: log.flush()
        case .read: try read(log)
        case .writer: inBackground { _ = log.runWriterStep() }
        case .space: inBackground { _ = log.runSpaceStep() }
        case .idle: clock.advance(Int64(random.skewed(3_000_000_000)))
        case .room: disk.capacity = random.oneIn(2) ? plan.capacity : nil
        default: break
        }
        statistics.steps += 1
    }

    private func inBackground(_ body: () -> Void) {
        isInBackground = true
        body()
        isInBackground = false
    }

    /// Before an operation of a background step: what the loop does meanwhile.
    private func interrupt() {
        guard isInBackground, random.oneIn(plan.interruptEvery), let log else { return }
        isInBackground = false
        defer { isInBackground = true }
        switch random.below(4) {
        case 0: log.submit()
        case 1: try? read(log)
        default:
            // Only where the loop would not wait for the thread that is being interrupted.
            if log.reservedByteCount > plan.largestPayloadByteCount + 512, !log.isFillingFile {
                try? append(log)
            }
        }
    }

    private func append(_ log: WriteAheadLog) throws {
        let number = random.below(plan.logCount)
        let count = Int64(1 + random.skewed(20))
        let byteCount = 8 + random.skewed(plan.largestPayloadByteCount)
        let base = offsets[number]
        contentSeed += 1
        let seed = contentSeed
        var header = FrameHeader(
            kind: random.pick(FrameKind.allCases), log: LogID(UInt32(number)),
            epoch: Int32(random.below(3)), baseOffset: Offset(base),
            lastOffset: Offset(base + count - 1), appendTime: clock.now)
        let before = log.appendedMark
        do {
            let position = try log.append(
                header, durability: durability(), payloadByteCount: byteCount
            ) { bytes in
                Self.fill(&bytes, seed)
            }
            header.payloadByteCount = byteCount
            promise()
            history.append(
                .init(
                    header: header, contentSeed: seed, mark: log.appendedMark, position: position,
                    durableBefore: history.promisedCount))
            offsets[number] = base + count
            trace.add(23, byteCount, Int(position.rawValue), "append \(seed) at \(position)")
            statistics.appends += 1
        } catch {
            trace.add(24, byteCount, 0, "no append: \(error)")
            statistics.refusals += 1
            if case .storageFull = error {
                try demand(log.appendedMark == before, "a refused append left something behind")
            }
        }
    }

    /// Half of the runs know the default alone, as most servers do.
    private func durability() -> FrameDurability {
        guard plan.putsOffSyncs else { return .sync }
        return switch random.below(4) {
        case 0: .sync
        case 1: .never
        default: .within(nanoseconds: Int64(random.skewed(1_000_000_000)))
        }
    }

    private func read(_ log: WriteAheadLog) throws {
        guard !history.frames.isEmpty else { return }
        let index = random.oneIn(2)
            ? random.below(history.frames.count)
            : history.frames.count - 1 - random.skewed(history.frames.count - 1)
        let frame = history.frames[index]
        do {
            let bytes = try log.read(
                frame.position, byteCount: frame.header.payloadByteCount, verifyingPayload: true)
            try demand(
                Self.contentSeed(of: bytes.span.bytes) == frame.contentSeed,
                "frame \(index) at \(frame.position) reads as something else")
            statistics.reads += 1
        } catch let error as StorageError {
            switch error {
            case .damaged: try demand(frame.isDamaged, "frame \(index): \(error)")
            case .failed: break
            default: throw Failure("frame \(index) cannot be read: \(error)")
            }
        }
    }

    // MARK: Damage

    /// Flips bits of a frame that came back once. The power is off, so nothing is on its way.
    private func damageSomething() {
        guard history.promisedCount > 0 else { return }
        let index = random.below(history.promisedCount)
        let frame = history.frames[index]
        if frame.isDamaged { return }
        let offset = frame.position.offset + random.below(56 + frame.header.payloadByteCount)
        let path = "/data/wal/" + FrameHistory.fileName(frame.position.fileNumber)
        disk.flip(UInt8(1 << random.below(8)), at: offset, in: path)
        if careless != .forgetsDamage { history.damage(index) }
        statistics.damages += 1
    }

    // MARK: Content

    /// The payload says which one it is, so that what came back can be recognised.
    private static func fill(_ bytes: inout MutableRawSpan, _ seed: UInt64) {
        FrameContent.fill(&bytes, seed)
        bytes.storeBytes(of: seed, toByteOffset: 0, as: UInt64.self)
    }

    /// Nil when it is the payload of no number.
    private static func contentSeed(of bytes: RawSpan) -> UInt64? {
        guard bytes.byteCount >= 8 else { return nil }
        let seed = bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt64.self)
        let expected = FrameContent.bytes(seed, byteCount: bytes.byteCount)
        let rest = 8..<bytes.byteCount
        return expected.span.bytes.extracting(rest).isEqual(to: bytes.extracting(rest))
            ? seed : nil
    }
}
