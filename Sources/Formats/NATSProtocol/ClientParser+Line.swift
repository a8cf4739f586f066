import Bytes

/// The letters of a verb and what stands behind them on its line.
extension ClientParser {
    private enum VerbMatch { case full, partial, different }

    private func match(_ bytes: RawSpan, _ position: Int, _ verb: StaticString) -> VerbMatch {
        var index = 0
        while index < verb.utf8CodeUnitCount {
            guard position &+ index < bytes.byteCount else { return .partial }
            // A static string's code units are there for `utf8CodeUnitCount` bytes.
            let wanted = unsafe verb.utf8Start[index]
            let found = bytes[byteAt: position &+ index]
            guard found == wanted || (wanted >= 0x41 && found == wanted | 0x20) else {
                return .different
            }
            index &+= 1
        }
        return .full
    }

    /// A verb whose line has nothing else to say: whatever stands before the LF is skipped.
    mutating func word(
        _ bytes: RawSpan, _ position: Int, _ verb: StaticString, _ command: ClientCommand
    ) -> ClientCommand {
        switch match(bytes, position, verb) {
        case .different: return .unknownOperation
        case .partial: return .incomplete
        case .full: break
        }
        var index = position &+ verb.utf8CodeUnitCount
        while index < bytes.byteCount {
            if bytes[byteAt: index] == 0x0A {
                end = index &+ 1
                return command
            }
            index &+= 1
        }
        return index &- position > maximumControlLine ? .controlLineTooLong : .incomplete
    }

    /// A verb whose argument is the rest of the line.
    mutating func line(
        _ bytes: RawSpan, _ position: Int, _ verb: StaticString, _ command: ClientCommand,
        needsSpace: Bool = true
    ) -> ClientCommand {
        guard let start = afterVerb(bytes, position, verb, needsSpace: needsSpace) else {
            return verbFailure(bytes, position, verb)
        }
        var index = start
        while index < bytes.byteCount, isSpace(bytes[byteAt: index]) { index &+= 1 }
        argument.start = index
        while index < bytes.byteCount, bytes[byteAt: index] != 0x0A { index &+= 1 }
        argument.end = index
        guard index < bytes.byteCount else {
            return argument.count > maximumControlLine ? .controlLineTooLong : .incomplete
        }
        end = index &+ 1
        if argument.count > 0, bytes[byteAt: index &- 1] == 0x0D { argument.end &-= 1 }
        return argument.count > maximumControlLine ? .controlLineTooLong : command
    }

    /// Splits the arguments behind `verb`. More than four are counted as five. nil: all is well,
    /// and `end` is behind the line.
    mutating func verbAndArguments(
        _ bytes: RawSpan, _ position: Int, _ verb: StaticString
    ) -> ClientCommand? {
        guard let start = afterVerb(bytes, position, verb) else {
            return verbFailure(bytes, position, verb)
        }
        let count = bytes.byteCount
        var index = start
        while index < count, isSpace(bytes[byteAt: index]) { index &+= 1 }
        let lineStart = index
        var lastEnd = index
        argumentCount = 0
        lineIsCanonical = true
        while index < count {
            let tokenStart = index
            var byte: UInt8 = 0
            while index < count {
                byte = bytes[byteAt: index]
                if byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
                    break
                }
                index &+= 1
            }
            if index > tokenStart {
                let range = ByteRange(tokenStart, index)
                switch argumentCount {
                case 0: arguments.0 = range
                case 1: arguments.1 = range
                case 2: arguments.2 = range
                case 3: arguments.3 = range
                default: break
                }
                argumentCount &+= 1
                lastEnd = index
            }
            guard index < count else { break }
            if byte == 0x0A {
                // The line as nats-server counts it is without its CR.
                let lineEnd =
                    index > lineStart && bytes[byteAt: index &- 1] == 0x0D ? index &- 1 : index
                if lineEnd &- lineStart > maximumControlLine { return .controlLineTooLong }
                if lastEnd &+ 1 != index || lineEnd == index { lineIsCanonical = false }
                end = index &+ 1
                return nil
            }
            index &+= 1
            if byte == 0x20, index < count {
                // One space between two arguments, and no more.
                let next = bytes[byteAt: index]
                if next == 0x20 || next == 0x09 || next == 0x0D || next == 0x0A {
                    lineIsCanonical = false
                }
            } else if byte == 0x09 {
                lineIsCanonical = false
            }
        }
        return count &- lineStart > maximumControlLine ? .controlLineTooLong : .incomplete
    }

    /// Behind the verb and the space or tab that ends it; nil if that is not what stands there.
    private func afterVerb(
        _ bytes: RawSpan, _ position: Int, _ verb: StaticString, needsSpace: Bool = true
    ) -> Int? {
        guard match(bytes, position, verb) == .full else { return nil }
        let behind = position &+ verb.utf8CodeUnitCount
        if !needsSpace, behind < bytes.byteCount { return behind }
        guard behind < bytes.byteCount, isSpace(bytes[byteAt: behind]) else { return nil }
        return behind &+ 1
    }

    private func verbFailure(
        _ bytes: RawSpan, _ position: Int, _ verb: StaticString
    ) -> ClientCommand {
        switch match(bytes, position, verb) {
        case .partial: return .incomplete
        case .different: return .unknownOperation
        case .full:
            return position &+ verb.utf8CodeUnitCount < bytes.byteCount
                ? .unknownOperation : .incomplete
        }
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
