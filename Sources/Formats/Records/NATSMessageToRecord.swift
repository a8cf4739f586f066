import Bytes

/// What becomes of a NATS message's header block in a record.
private enum HeaderForm {
    /// No block.
    case none
    /// One record header for each line.
    case pairs(count: Int, byteCount: Int, isTight: Bool)
    /// The whole block in one record header, because its lines would not come back byte for byte.
    case raw
}

/// What a look at a header block told.
private struct HeaderFindings {
    var form: HeaderForm
    /// A line is called `Nats-Subject`, and would be taken for the record's own.
    var hasSubjectLine = false
}

extension RecordBatchBuilder {
    /// Appends a NATS message, so that reading the record gives subject, header block and payload
    /// back byte for byte.
    ///
    /// - The subject becomes key, no key, or the header `Nats-Subject`; see ``KeyPrefix``. That
    ///   header is also written, in front of all others, where the message has a header of that
    ///   name itself: readers take the first.
    /// - Each header line becomes a record header; see ``HeaderMapping`` and ``HeaderForm``.
    /// - An empty payload with `KV-Operation: DEL` or `PURGE` is a tombstone: no value, headers
    ///   kept.
    ///
    /// - Parameter headers: the raw block from its `NATS/1.0` on; nil or empty for none.
    public mutating func append(
        natsSubject subject: RawSpan, headers: RawSpan?, payload: RawSpan,
        prefix: borrowing KeyPrefix,
        timestampMilliseconds: Int64
    ) {
        guard let headers, headers.byteCount > 0 else {
            return append(
                subject, headers: RawSpan(), HeaderFindings(form: .none), value: payload, prefix,
                timestampMilliseconds)
        }
        let findings = Self.look(at: headers)
        if payload.byteCount == 0, Self.isDeletion(headers) {
            append(subject, headers: headers, findings, value: nil, prefix, timestampMilliseconds)
        } else {
            append(
                subject, headers: headers, findings, value: payload, prefix, timestampMilliseconds)
        }
    }

    private mutating func append(
        _ subject: RawSpan, headers: RawSpan, _ findings: HeaderFindings, value: RawSpan?,
        _ prefix: borrowing KeyPrefix, _ timestampMilliseconds: Int64
    ) {
        let key: RawSpan?
        var writesSubject = findings.hasSubjectLine
        switch prefix.stored(subject) {
        case .noKey:
            key = nil
        case .key(let rest):
            key = rest
        case .header:
            key = nil
            writesSubject = true
        }
        var count = 0
        var byteCount = 0
        if writesSubject {
            count += 1
            byteCount += Self.headerByteCount(HeaderMapping.subjectName, subject.byteCount)
        }
        switch findings.form {
        case .none:
            break
        case .pairs(let lineCount, let lineByteCount, let isTight):
            count += lineCount
            byteCount += lineByteCount
            if isTight {
                count += 1
                byteCount += Self.headerByteCount(
                    HeaderMapping.styleName, HeaderMapping.tightStyle.utf8CodeUnitCount)
            }
        case .raw:
            count += 1
            byteCount += Self.headerByteCount(HeaderMapping.rawBlockName, headers.byteCount)
        }
        openRecord(
            keyByteCount: key?.byteCount, valueByteCount: value?.byteCount, headerCount: count,
            headersByteCount: byteCount, timestampMilliseconds: timestampMilliseconds)
        writeNullable(key)
        writeNullable(value)
        buffer.varint(Int64(count))
        if writesSubject { writeHeader(HeaderMapping.subjectName, subject) }
        switch findings.form {
        case .none:
            break
        case .pairs(_, _, let isTight):
            var lines = HeaderMapping.StrictLines(headers, isTight: isTight)
            while let line = lines.next() { line.encode(into: &buffer) }
            if isTight {
                buffer.varint(Int64(HeaderMapping.styleName.utf8CodeUnitCount))
                buffer.append(HeaderMapping.styleName)
                buffer.varint(Int64(HeaderMapping.tightStyle.utf8CodeUnitCount))
                buffer.append(HeaderMapping.tightStyle)
            }
        case .raw:
            writeHeader(HeaderMapping.rawBlockName, headers)
        }
    }

    /// Whether the block marks a KV key as deleted or purged.
    private static func isDeletion(_ headers: RawSpan) -> Bool {
        guard let operation = NATSHeaderBlock(headers).value(of: HeaderMapping.operationName) else {
            return false
        }
        return operation.hasSameBytes(as: "DEL") || operation.hasSameBytes(as: "PURGE")
    }

    private static func look(at headers: RawSpan) -> HeaderFindings {
        // Some clients write no space behind the colon. The first line tells; lines of both kinds
        // don't come back.
        let start = NATSHeaderBlock.version.utf8CodeUnitCount
        var isTight = false
        if start < headers.byteCount,
            let colon = headers.firstPosition(of: UInt8(ascii: ":"), from: start)
        {
            isTight = colon + 1 < headers.byteCount && headers[colon + 1] != UInt8(ascii: " ")
        }
        var count = 0
        var byteCount = 0
        var hasSubjectLine = false
        var lines = HeaderMapping.StrictLines(headers, isTight: isTight)
        while let line = lines.next() {
            guard let lineByteCount = line.encodedByteCount,
                !line.name.hasSameBytes(as: HeaderMapping.rawBlockName),
                !line.name.hasSameBytes(as: HeaderMapping.styleName)
            else { return HeaderFindings(form: .raw) }
            if line.name.hasSameBytes(as: HeaderMapping.subjectName) { hasSubjectLine = true }
            count += 1
            byteCount += lineByteCount
        }
        if lines.isMalformed || count == 0 { return HeaderFindings(form: .raw) }
        return HeaderFindings(
            form: .pairs(count: count, byteCount: byteCount, isTight: isTight),
            hasSubjectLine: hasSubjectLine)
    }

    private static func headerByteCount(_ name: StaticString, _ valueByteCount: Int) -> Int {
        nullableByteCount(name.utf8CodeUnitCount) + nullableByteCount(valueByteCount)
    }

    private mutating func writeHeader(_ name: StaticString, _ value: RawSpan) {
        buffer.varint(Int64(name.utf8CodeUnitCount))
        buffer.append(name)
        buffer.varint(Int64(value.byteCount))
        buffer.append(value)
    }
}
