import Bytes
import Model
import Platform
import Storage

/// The whole store: batches of many logs through the write-ahead log, roll-up into segments, starts
/// of logs that move, logs that go, snapshots of what the commands said, and crashes in between;
/// where it has classes, with logs that are not synced at once.
///
///     append ─► WAL ─► roll-up ─► segments + manifest        oracle: StoreHistory
///         commands ─► snapshots ─► WAL files go               faults: SimulatedDisk
final class StoreWorkload: Workload {
    let disk: SimulatedDisk
    let plan: Plan
    let clock = SimulatedClock()
    let trace: Trace
    let careless: Carelessness?
    /// Nil where every frame is synced at once.
    var classes: DurabilityClasses?
    var random: SeededRandom
    var history = StoreHistory()
    var store: LogStore?
    /// Batches that may be unreadable, as bits of them were flipped, and how many more there may be.
    var lost: Set<Int> = []
    var lossesLeft = 0
    var hasTold = false
    var statistics = Statistics()
    private var isInBackground = false
    private var failed = Flag()
    /// Positions up to which the two snapshots hold, as far as they were written in this life.
    var snapshotEnds: [WALPosition?] = [nil, nil]
    var nextSnapshot = 0
    var isSaving = false
    /// What had been rewritten when each snapshot was taken.
    var beliefs: [SnapshotID: Set<Int>] = [:]

    init(
        _ random: inout SeededRandom, plan: Plan, disk: SimulatedDisk, careless: Carelessness?,
        classes: DurabilityClasses? = nil
    ) {
        self.random = random.fork()
        var plan = plan
        if let classes, classes.damagesAtRest { plan.damagesAtRest = true }
        self.plan = plan
        self.classes = classes
        self.disk = disk
        self.careless = careless
        trace = disk.trace
    }

    func run() throws {
        for _ in 0..<plan.lives {
            try start()
            disk.faults = plan.faults
            if plan.crashesInside, !random.oneIn(4) {
                disk.operationsUntilCrash = 1 + random.below(plan.stepsPerLife * 3)
            }
            disk.onOperation = { [unowned self] in interrupt() }
            try live()
            end()
        }
        try start()
        try giveAllBack()
    }

    // MARK: Lives

    /// Opens the store, however often it takes: a crash or an error may come in recovery too.
    private func start() throws {
        for attempt in 0... {
            let mayFail = attempt < 4 && random.oneIn(3)
            disk.faults = mayFail ? plan.faults : DiskFaults()
            if mayFail, plan.crashesInside { disk.operationsUntilCrash = 1 + random.below(120) }
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
        var options = LogStore.Options()
        options.wal.fileSystem = disk
        options.wal.fileByteCount = plan.fileByteCount
        options.wal.runsThreads = false
        options.wal.time = clock.source
        options.wal.tailByteCount = random.pick([0, 8 << 20])
        let id = random.next()
        options.wal.newFolderID = { FrameContent.bytes(id, byteCount: 16) }
        let failed = Flag()
        self.failed = failed
        options.wal.fatal = { _ in failed.set() }
        options.runsThread = false
        options.rollUpByteCount = plan.fileByteCount * (1 + random.below(3))
        options.segmentByteCount = 4_000 << random.below(6)
        options.ownFileByteCount = 2_000 << random.below(6)
        snapshotEnds = [nil, nil]
        isSaving = false
        let store = try LogStore(directory: "/data", options: options)
        self.store = store
        let known = try readSnapshots(store)
        var seen: [(header: FrameHeader, payload: [UInt8], position: WALPosition)] = []
        let report = try store.replay(from: known?.position) { header, payload, position in
            seen.append((header, Array(copying: payload), position))
        }
        if !report.damage.isEmpty { hasTold = true }
        trace.add(21, seen.count, report.damage.count, "started with \(seen.count) frames")
        if disk.isOff { throw StorageError.closed }
        try checkReplay(from: known?.count, seen, report, store, mayBeCut: !isFirstAttempt)
        try checkBeliefs(known, report, store)
        emptyMemoryLogs(store)
        for (log, cut) in history.cuts.sorted(by: { $0.key < $1.key }) {
            if cut.isDeleted { store.deleteLog(log) } else { store.deleteBelow(cut.start, of: log) }
        }
        try checkAll(store)
        statistics.starts += 1
    }

    private func live() throws {
        for _ in 0..<plan.stepsPerLife where !disk.isOff && !failed.isSet {
            try step(
                plan.nextStep(
                    &random,
                    of: [
                        .append, .submit, .flush, .read, .writer, .space, .idle, .room, .background,
                        .rollUp, .snapshot, .deleteBelow, .deleteLog, .drop, .rewrite,
                    ]))
        }
    }

    private func end() {
        disk.onOperation = nil
        if !disk.isOff, !failed.isSet, random.oneIn(4) {
            trace.add(22, 0, 0, "clean stop")
            store?.close()
            promise()
        }
        endProcess()
    }

    private func endProcess() {
        promise()
        let losesPower = disk.isOff ? !random.oneIn(4) : random.oneIn(2)
        if losesPower || failed.isSet {
            history.forgetWritten()
        } else if careless == .acknowledgesUnwritten, let store {
            history.noteWritten(upTo: store.wal.appendedMark, at: .max)
        }
        if losesPower { disk.losePower() } else { disk.endProcess() }
        store = nil
        statistics.crashes += 1
        if losesPower, plan.damagesAtRest, random.oneIn(2) { damageSomething() }
    }

    private func promise() {
        guard let store else { return }
        history.promise(
            upTo: careless == .acknowledgesUnsynced ? store.wal.appendedMark : store.wal.durableMark)
        history.noteWritten(upTo: store.wal.writtenMark, at: clock.source.monotonicNanoseconds())
    }

    // MARK: Steps

    private func step(_ step: Plan.Step) throws {
        guard let store else { return }
        promise()
        statistics.steps += 1
        switch step {
        case .append: try append(store)
        case .submit: store.submit()
        case .flush: store.wal.flush()
        case .read: try readSomething(store)
        case .writer:
            var isIdle = false
            inBackground { isIdle = !store.wal.runWriterStep() }
            promise()
            if isIdle, !failed.isSet, !disk.isOff { try checkDeadlines() }
        case .space: inBackground { _ = store.wal.runSpaceStep() }
        case .background:
            inBackground { for _ in 0...random.below(20) where store.runOneStep() {} }
        case .rollUp:
            // Every third is of some logs, ahead of the others. No chance is asked, so that seeds mean what they did.
            if statistics.steps % 3 > 0 { store.rollUp() } else { store.rollUpAhead((1...3).map { LogID($0) }) }
        case .snapshot: saveSnapshot(store)
        case .deleteBelow, .deleteLog: try takeAway(store, all: step == .deleteLog)
        case .drop: try drop(store)
        case .rewrite: rewrite(store)
        case .idle:
            clock.advance(Int64(random.skewed(3_000_000_000)))
            if random.oneIn(10) { clock.jump(to: random.pick([0, 1_600_000_000_000_000_000])) }
        case .room: disk.capacity = random.oneIn(2) ? plan.capacity : nil
        }
    }

    private func inBackground(_ body: () -> Void) {
        isInBackground = true
        body()
        isInBackground = false
    }

    /// Before an operation of a background step: what the loop does meanwhile.
    private func interrupt() {
        guard isInBackground, random.oneIn(plan.interruptEvery), let store else { return }
        isInBackground = false
        defer { isInBackground = true }
        switch random.below(6) {
        case 0: store.submit()
        case 1: try? readSomething(store)
        case 2: saveSnapshot(store)
        case 3: store.rollUp()
        default:
            // Only where the loop would not wait for the thread that is being interrupted.
            guard store.wal.reservedByteCount > plan.largestPayloadByteCount + 512,
                !store.wal.isFillingFile
            else { return }
            if random.oneIn(8) {
                try? takeAway(store, all: random.oneIn(8))
            } else {
                try? append(store)
            }
        }
    }

    private func append(_ store: LogStore) throws {
        let log = LogID(UInt32(1 + random.below(plan.logCount)))
        // The number of a log that is gone is never used again.
        guard history.cuts[log]?.isDeleted != true else { return }
        let base = history.nextOffset(of: log).advanced(by: random.oneIn(10) ? random.below(5) : 0)
        let last = base.advanced(by: random.skewed(20))
        let byteCount = 61 + random.skewed(plan.largestPayloadByteCount)
        let timestamp = clock.now.nanoseconds / 1_000_000 - Int64(random.below(50))
        let header = FrameHeader(
            kind: .batch, log: log, baseOffset: base, lastOffset: last, appendTime: clock.now)
        let bytes = EntryContent.batch(
            history.entries.count, base: base, last: last, timestamp: timestamp,
            byteCount: byteCount)
        try append(.batch, header, bytes, timestamp: timestamp, to: store)
        if random.oneIn(4) { clock.advance(Int64(random.below(2_000_000))) }
    }

    /// A command: the frame that says so, and then the deed.
    private func takeAway(_ store: LogStore, all: Bool) throws {
        let log = LogID(UInt32(1 + random.below(plan.logCount)))
        let visible = history.visible(log)
        guard !visible.isEmpty, !all || random.oneIn(4) else { return }
        let place = history.entries[random.pick(visible)].header
        let command: StoreHistory.Command =
            all
            ? .deleteLog(log)
            : .deleteBelow(log, random.oneIn(2) ? place.baseOffset : place.lastOffset)
        let header = FrameHeader(
            kind: .control, log: log, baseOffset: Offset(0), lastOffset: Offset(0),
            appendTime: clock.now)
        let count = history.entries.count
        try append(
            command, header, EntryContent.command(count), timestamp: -1, to: store)
        guard history.entries.count > count else { return }
        switch command {
        case .deleteLog: store.deleteLog(log)
        case .deleteBelow(_, let offset): store.deleteBelow(offset, of: log)
        case .batch, .drop: break
        }
    }

    func append(
        _ command: StoreHistory.Command, _ header: FrameHeader, _ bytes: [UInt8], timestamp: Int64,
        to store: LogStore
    ) throws {
        let before = store.wal.appendedMark
        let isAsked = command != .batch && classes?.isAsked() ?? true
        let durability = durability(of: header.log, isAsked: isAsked)
        let asked: FrameDurability = careless == .forgetsDeadlines && durability != .sync ? .never : durability
        do {
            let position = try store.append(header, durability: asked, bytes.span.bytes)
            var header = header
            header.payloadByteCount = bytes.count
            history.append(
                .init(
                    command: command, header: header, mark: store.wal.appendedMark,
                    position: position, timestamp: timestamp, durability: durability))
            promise()
            trace.add(
                23, bytes.count, Int(position.rawValue),
                "\(history.entries.count - 1): \(command) log \(header.log.value) "
                    + "\(header.baseOffset.value)...\(header.lastOffset.value) at \(position)")
            statistics.appends += 1
        } catch {
            trace.add(24, bytes.count, 0, "no append: \(error)")
            statistics.refusals += 1
            if case .storageFull = error {
                try demand(
                    store.wal.appendedMark == before, "a refused append left something behind")
            }
        }
    }

    // MARK: The end

    /// Takes everything away and looks whether the space comes back.
    private func giveAllBack() throws {
        guard let store else { return }
        disk.faults = DiskFaults()
        disk.capacity = nil
        // What was refused is tried again after a while.
        clock.advance(60_000_000_000)
        for log in history.logs where history.cuts[log]?.isDeleted != true { store.deleteLog(log) }
        for _ in 0..<4 {
            store.wal.flush()
            let fileNumber = store.endPosition.fileNumber
            // So that the file with the last batches is complete.
            while store.endPosition.fileNumber == fileNumber {
                _ = try store.append(
                    FrameHeader(
                        kind: .control, log: LogID(0), baseOffset: Offset(0), lastOffset: Offset(0),
                        appendTime: clock.now), [UInt8](repeating: 1, count: 20_000).span.bytes)
            }
            store.wal.flush()
            store.snapshotsCover(upTo: store.endPosition)
            store.rollUp()
            repeat { store.submit() } while store.runOneStep()
        }
        let left = disk.paths.filter { $0.hasSuffix(".seg") }
        try demand(left.isEmpty || lossesLeft > 0 || hasTold, "nobody needs \(left)")
        let logFiles = disk.paths.filter {
            $0.hasPrefix("/data/wal/") && !$0.contains(".cut-") && !$0.hasSuffix(".damaged")
        }
        try demand(logFiles.count <= 8, "these should have gone or be used again: \(logFiles)")
        store.close()
    }
}
