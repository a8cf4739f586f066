import Model

/// What ``WriteAheadLog/replay(_:)`` found.
public struct ReplayReport: Sendable {
    /// Files with frames in them.
    public var fileCount = 0
    /// Frames handed to the caller, and how long they are together.
    public var frameCount = 0
    public var byteCount = 0
    public var durationNanoseconds: Int64 = 0
    /// The end of the newest file that no sync had covered, where there was one.
    public var cut: Cut?
    /// What was there once and cannot be read: to be shown to people, each time.
    public var damage: [Damage] = []

    public var cutByteCount: Int { cut?.byteCount ?? 0 }

    /// The remains of the group that was being written when the process or the machine ended.
    public struct Cut: Equatable, Sendable {
        public var path: String
        public var offset: Int
        /// From `offset` up to the last word of eight bytes that was not zero.
        public var byteCount = 0
        /// Whole frames that were dropped with the torn one. No sync had covered them; only streams that are not
        /// synced at once may have acknowledged them.
        public var wholeFrameCount = 0
        /// The file that now has these bytes; nil when there was no room for it.
        public var keptAs: String?

        init(path: String, offset: Int) {
            self.path = path
            self.offset = offset
        }
    }

    /// A stretch of the log that was quarantined. The bytes stay where they are.
    public struct Damage: Equatable, Sendable, CustomStringConvertible {
        public var path: String
        public var offset: Int
        public var byteCount: Int
        public var reason: Reason
        /// What the frame was, where its header can be trusted.
        public var frame: FrameHeader?

        public var description: String {
            var text = "\(path) at \(offset), \(byteCount) bytes: \(reason)"
            if let frame {
                text +=
                    " (log \(frame.log.value), \(frame.kind), offsets "
                    + "\(frame.baseOffset.value)...\(frame.lastOffset.value))"
            }
            return text
        }
    }

    public enum Reason: Equatable, Sendable, CustomStringConvertible {
        /// No frame begins where the one before ends, or its header is not what was written.
        case frameHeader
        /// The header holds, the payload is not what was written.
        case payload
        /// The header of the file is not what was written. Its frames were read all the same.
        case fileHeader
        /// A frame of a kind that this version does not know.
        case unknownKind(UInt8)
        /// The file ends without the frame that says so, though others follow.
        case missingEnd
        /// A segment file does not say what it holds, or is not there.
        case segmentFile
        /// The manifest was made again from the segment files.
        case manifest
        /// A part of a segment's index was made again from the batches.
        case index
        /// What a segment file says at its end of what it holds is not what was written; the manifest says it, too.
        case directory
        /// Files of the log were given up, and the snapshots that had what was in them are not there.
        case missingSnapshots
        /// Files of the sequence are not there, from the one named to this number.
        case missingFiles(through: UInt64)

        public var description: String {
            switch self {
            case .frameHeader: "no valid frame header"
            case .payload: "payload checksum"
            case .fileHeader: "file header"
            case .unknownKind(let kind): "unknown kind \(kind)"
            case .segmentFile: "segment file cannot be read"
            case .manifest: "manifest made again from the segment files"
            case .index: "index made again from the batches"
            case .missingEnd: "the rest of the file is missing"
            case .directory: "directory of the segment file"
            case .missingSnapshots: "no snapshots, and the log does not begin with file 1"
            case .missingFiles(let last): "missing files, up to number \(last)"
            }
        }
    }
}
