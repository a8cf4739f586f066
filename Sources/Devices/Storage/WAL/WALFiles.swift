import Model
import Platform

/// The numbered files in the folder of the log.
struct WALFiles: Sendable {
    let folder: String
    let folderID: [UInt8]
    let fileSystem: any FileSystem
    /// How large a new file is, unless one frame needs more.
    let fileByteCount: Int
    let time: TimeSource
    let pool: WALPool

    func path(_ number: UInt64) -> String { folder + "/" + WALFile.name(number) }

    /// The numbers of the files that are there, rising.
    func numbers() throws(SystemError) -> [UInt64] {
        try fileSystem.list(folder).compactMap(WALFile.number(ofName:)).sorted()
    }

    /// Whether none has been given up yet. Names of files that were made ahead may be missing after a
    /// power loss; there are no frames behind them then.
    func haveTheirBeginning() throws(SystemError) -> Bool {
        let numbers = try numbers()
        guard numbers.first == 1 else { return false }
        for (index, number) in numbers.enumerated() where number != UInt64(index) + 1 {
            var scanner = try WALScanner(try open(number: number, .readOnly))
            switch try scanner.next() {
            case .frame, .badPayload, .gap: return false
            case .end, nil: break
            }
        }
        return true
    }

    func open(number: UInt64, _ mode: FileOpenMode) throws(SystemError) -> WALFile {
        let path = path(number)
        return WALFile(
            number: number, path: path, handle: try fileSystem.open(path, mode), folderID: folderID)
    }

    struct NewFile {
        var file: WALFile
        /// So many bytes of it have their blocks.
        var capacity: Int
        /// The blocks were written before.
        var isWritten = false
    }

    /// Makes an empty file with its header, of the usual size, or larger where `byteCount` is, or
    /// as small as that on a disk that is nearly full; durable when it returns. One that is there
    /// already is emptied; one from the pool is taken where it is large enough.
    func create(number: UInt64, atLeast byteCount: Int) throws(SystemError) -> NewFile {
        if byteCount <= fileByteCount, let name = pool.take() {
            if let file = try? recycle(name, as: number) { return file }
            // Something is wrong with it: a new one then.
            try? fileSystem.remove(folder + "/" + name)
        }
        let file = try open(number: number, .create)
        do {
            try file.handle.truncate(byteCount: 0)
            let capacity = try reserve(
                file.handle, max(fileByteCount, byteCount), atLeast: byteCount)
            let header = WALFile.header(number: number, folderID: folderID, created: time.now())
            try file.handle.writeFully(header.span.bytes, at: 0)
            try file.handle.synchronize()
            try fileSystem.synchronizeDirectory(folder)
            return NewFile(file: file, capacity: capacity)
        } catch {
            // What is left of it must not take the space that others need.
            try? fileSystem.remove(file.path)
            throw error
        }
    }

    /// Its header first and then its name, so that no file has the name of one and the header of
    /// another.
    private func recycle(_ name: String, as number: UInt64) throws(SystemError) -> NewFile {
        let old = folder + "/" + name
        let handle = try fileSystem.open(old, .readWrite)
        let byteCount = try handle.byteCount()
        guard byteCount == fileByteCount else {
            throw SystemError("recycle", old, errno: 0)
        }
        let header = WALFile.header(
            number: number, folderID: folderID, created: time.now(), isRecycled: true)
        try handle.writeFully(header.span.bytes, at: 0)
        try handle.synchronize()
        let path = path(number)
        try fileSystem.rename(old, to: path)
        try fileSystem.synchronizeDirectory(folder)
        return NewFile(
            file: WALFile(number: number, path: path, handle: handle, folderID: folderID),
            capacity: byteCount, isWritten: true)
    }

    /// Finds the pool's files, and removes those that are too many.
    func findPool() throws(SystemError) {
        for name in try fileSystem.list(folder).sorted() where WALPool.isName(name) {
            if pool.isOpen { pool.add(name) } else { try fileSystem.remove(folder + "/" + name) }
        }
    }

    /// Takes a file out of the pool and off the disk; false where there is none.
    func removePooled() -> Bool {
        guard let name = pool.take() else { return false }
        do { try fileSystem.remove(folder + "/" + name) } catch { return false }
        return true
    }

    /// Reserves as much as there is, from `byteCount` down to `minimum`, and says how much it is.
    func reserve(
        _ handle: any FileHandle, _ byteCount: Int, atLeast minimum: Int
    ) throws(SystemError) -> Int {
        var attempt = max(byteCount, minimum)
        while true {
            do {
                try handle.reserve(byteCount: attempt)
                return attempt
            } catch {
                guard error.isOutOfSpace, attempt > minimum else { throw error }
                attempt = max(minimum, attempt / 4 & ~4095)
            }
        }
    }

    func headerState(_ file: WALFile) throws(SystemError) -> WALFile.HeaderState {
        let bytes = try file.handle.read(at: 0, byteCount: WALFile.headerByteCount)
        return WALFile.headerState(bytes, number: file.number, folderID: folderID)
    }

    /// Whether what lies behind the last frame may be anything.
    func isRecycled(_ file: WALFile) throws(SystemError) -> Bool {
        if case .whole(let isRecycled) = try headerState(file) { return isRecycled }
        return false
    }

    /// Removes a file without frames; one that came from the pool goes back there.
    func giveBack(number: UInt64) throws(SystemError) {
        let file = try open(number: number, .readOnly)
        if pool.isOpen, try isRecycled(file), try file.handle.byteCount() == fileByteCount {
            let name = WALPool.name(number)
            try fileSystem.rename(file.path, to: folder + "/" + name)
            pool.add(name)
        } else {
            try fileSystem.remove(file.path)
        }
    }

    /// Copies `range` to a file of its own and then zeroes it, durably.
    ///
    /// - Returns: where the copy is; nil when there was no room for it.
    func moveAway(_ file: WALFile, _ range: Range<Int>) throws(SystemError) -> String? {
        let copyPath = "\(folder)/\(WALFile.name(file.number)).cut-\(range.lowerBound)"
        var copy: (any FileHandle)?
        do {
            copy = try fileSystem.open(copyPath, .create)
            try copy?.reserve(byteCount: range.count)
        } catch {
            guard error.isOutOfSpace else { throw error }
            if copy != nil { try? fileSystem.remove(copyPath) }
            copy = nil
        }
        if let copy {
            try Self.forEachPiece(of: range) { piece throws(SystemError) in
                let bytes = try file.handle.read(at: piece.lowerBound, byteCount: piece.count)
                try copy.writeFully(bytes.span.bytes, at: piece.lowerBound - range.lowerBound)
            }
            try copy.synchronize()
            try fileSystem.synchronizeDirectory(folder)
        }
        try Self.forEachPiece(of: range) { piece throws(SystemError) in
            let zeros = [UInt8](repeating: 0, count: piece.count)
            try file.handle.writeFully(zeros.span.bytes, at: piece.lowerBound)
        }
        try file.handle.synchronize()
        return copy == nil ? nil : copyPath
    }

    static func forEachPiece(
        of range: Range<Int>, _ body: (Range<Int>) throws(SystemError) -> Void
    ) throws(SystemError) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(start + 1 << 20, range.upperBound)
            try body(start..<end)
            start = end
        }
    }
}
