import Bytes
import Platform

extension WriteAheadLog {
    /// A copy of the payload of a frame, `byteCount` bytes long.
    ///
    /// From memory where it is new, durable or not; else from its file, where the header is
    /// verified, and the payload too when asked for.
    /// - Throws: `damaged` when there is no such frame, `failed` when the file cannot be read.
    public func read(
        _ position: WALPosition, byteCount: Int, verifyingPayload: Bool = false
    ) throws(StorageError) -> [UInt8] {
        if let block = memory(at: position) {
            return try payload(of: position, byteCount, in: block)
        }
        let (file, frame) = try frameOnFile(at: position, byteCount: byteCount)
        let start = position.offset + WALFrame.headerByteCount
        let readCount = verifyingPayload ? frame.byteCount - WALFrame.headerByteCount : byteCount
        var bytes: [UInt8]
        do {
            bytes = try file.handle.read(at: start, byteCount: readCount)
        } catch {
            throw .failed(error)
        }
        guard bytes.count == readCount,
            !verifyingPayload
                || frame.verifies(
                    payload: bytes.span.bytes, at: position.offset, seed: file.seed)
        else { throw .damaged(path: file.path, offset: position.offset) }
        bytes.removeLast(readCount - byteCount)
        return bytes
    }

    // MARK: Memory

    private func memory(at position: WALPosition) -> WALBlock? {
        if let block, block.file.number == position.fileNumber,
            (block.fileOffset..<block.fileEnd).contains(position.offset)
        {
            return block
        }
        return tail.block(at: position)
    }

    private func payload(
        of position: WALPosition, _ byteCount: Int, in block: WALBlock
    ) throws(StorageError) -> [UInt8] {
        let start = position.offset - block.fileOffset
        return try block.withBytes(start..<block.count) { bytes throws(StorageError) in
            guard WALFrame.begins(bytes),
                case let frame = WALFrame(unverified: bytes), frame.payloadByteCount == byteCount
            else { throw .damaged(path: block.file.path, offset: position.offset) }
            let payloadStart = WALFrame.headerByteCount
            return Array(copying: bytes.extracting(payloadStart..<payloadStart + byteCount))
        }
    }

    // MARK: Files

    private func frameOnFile(
        at position: WALPosition, byteCount: Int
    ) throws(StorageError) -> (WALFile, WALFrame) {
        let file: WALFile
        let header: [UInt8]
        do {
            file = try readers.file(position.fileNumber, in: files)
            header = try file.handle.read(
                at: position.offset, byteCount: WALFrame.headerByteCount)
        } catch {
            throw .failed(error)
        }
        guard
            let frame = WALFrame(
                verifying: header.span.bytes, at: position.offset, seed: file.seed),
            frame.payloadByteCount == byteCount
        else { throw .damaged(path: file.path, offset: position.offset) }
        return (file, frame)
    }
}

/// Files that are open for reading, the latest used last. At most 32.
struct WALReaders {
    private var files: [WALFile] = []
    private static let limit = 32

    /// Lets go of the files with smaller numbers.
    mutating func close(below number: UInt64) {
        files.removeAll { $0.number < number }
    }

    mutating func file(_ number: UInt64, in folder: WALFiles) throws(SystemError) -> WALFile {
        if let index = files.lastIndex(where: { $0.number == number }) {
            if index != files.count - 1 { files.append(files.remove(at: index)) }
            return files[files.count - 1]
        }
        if files.count == Self.limit { files.removeFirst() }
        let file = try folder.open(number: number, .readOnly)
        files.append(file)
        return file
    }
}
