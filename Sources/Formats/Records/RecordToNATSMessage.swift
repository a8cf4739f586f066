import Bytes

/// A record as NATS sees it: its subject and header block, written into memory that is used again
/// for the next.
///
/// - Subject: the first record header `Nats-Subject`, if it can be published; else prefix and key;
///   the bare prefix where there is no key or the key is no legal subject.
/// - Headers: `Kafka-Key` where the subject does not show the key; each record header but the one
///   that gave the subject; `KV-Operation: DEL` on a tombstone that has no such header.
/// - Payload: the value; nothing for a tombstone.
public struct NATSMessageBuffer: ~Copyable {
    private var bytes = GrowingBytes(capacity: 512)
    private var subjectByteCount = 0

    public init() {}

    /// The subject of the record that was rendered last.
    public var subject: RawSpan {
        @_lifetime(borrow self) get { bytes.span.extracting(0..<subjectByteCount) }
    }

    /// Its header block, from `NATS/1.0` to the empty line; empty where it has no headers.
    public var headers: RawSpan {
        @_lifetime(borrow self) get { bytes.span.from(subjectByteCount) }
    }

    /// Renders subject and headers of `record`. The payload is ``RecordView/natsPayload``.
    public mutating func render(_ record: borrowing RecordView, prefix: borrowing KeyPrefix) {
        let plan = NATSRendering(record, prefix: prefix)
        bytes.removeAll(keepingAtMost: 1 << 20)
        plan.writeSubject(prefix, to: &bytes)
        subjectByteCount = bytes.count
        plan.writeHeaders(to: &bytes)
    }

    /// Renders the subject only, where the headers may not be needed.
    public mutating func renderSubject(_ record: borrowing RecordView, prefix: borrowing KeyPrefix)
    {
        let plan = NATSRendering(record, prefix: prefix)
        bytes.removeAll(keepingAtMost: 1 << 20)
        plan.writeSubject(prefix, to: &bytes)
        subjectByteCount = bytes.count
    }
}

extension RecordView {
    /// What NATS gets as payload: a tombstone's is empty.
    public var natsPayload: RawSpan {
        @_lifetime(copy self) get {
            if let value { value } else { RawSpan() }
        }
    }
}

/// What a record's subject and headers are made of.
private struct NATSRendering: ~Escapable {
    private let key: RawSpan?
    private let headers: RecordHeadersView
    private let isTombstone: Bool
    /// The header that gives the subject, and its index.
    private let storedSubject: RawSpan?
    private let storedSubjectIndex: Int
    private let keyIsSubject: Bool
    /// The subject does not show the key.
    private let showsKey: Bool
    private let hasOperation: Bool
    private let isTight: Bool
    private let rawBlock: RawSpan?

    @_lifetime(copy record)
    init(_ record: borrowing RecordView, prefix: borrowing KeyPrefix) {
        var subject: RawSpan?
        var subjectIndex = -1
        var sawSubject = false
        var hasOperation = false
        var isTight = false
        var block: RawSpan?
        var index = 0
        var cursor = record.headers.makeCursor()
        while let header = try? cursor.next() {
            let isLast = index == record.headers.count - 1
            if header.name.hasSameBytes(as: HeaderMapping.subjectName) {
                if !sawSubject, let value = header.value, KeyPrefix.isPublishable(value) {
                    subject = value
                    subjectIndex = index
                }
                sawSubject = true
            } else if header.name.hasSameBytes(as: HeaderMapping.operationName) {
                hasOperation = true
            } else if isLast, let value = header.value {
                if index > 0, header.name.hasSameBytes(as: HeaderMapping.styleName) {
                    isTight = value.hasSameBytes(as: HeaderMapping.tightStyle)
                } else if header.name.hasSameBytes(as: HeaderMapping.rawBlockName),
                    value.byteCount > 0,
                    index == 0 || (index == 1 && subjectIndex == 0)
                {
                    block = value
                }
            }
            index += 1
        }
        var keyIsSubject = false
        var showsKey = false
        if let key = record.key {
            if let subject {
                // Written by NATS, both are there when the message has a header `Nats-Subject` of
                // its own.
                showsKey = !prefix.makes(subject, of: key)
            } else {
                keyIsSubject = prefix.isLegalKey(key)
                showsKey = !keyIsSubject
            }
        }
        let isTombstone = record.value == nil
        if let candidate = block {
            // A whole block is nothing to add lines to. One that NATS sent never needs any.
            let operation = NATSHeaderBlock(candidate).value(of: HeaderMapping.operationName)
            if showsKey || (isTombstone && operation == nil) { block = nil }
        }
        key = record.key
        headers = record.headers
        self.isTombstone = isTombstone
        storedSubject = subject
        storedSubjectIndex = subjectIndex
        self.keyIsSubject = keyIsSubject
        self.showsKey = showsKey
        self.hasOperation = hasOperation
        self.isTight = isTight
        rawBlock = block
    }

    func writeSubject(_ prefix: borrowing KeyPrefix, to output: inout GrowingBytes) {
        if let storedSubject {
            output.append(storedSubject)
        } else if keyIsSubject, let key {
            output.append(prefix.dotted)
            output.append(key)
        } else {
            output.append(prefix.bareSubject)
        }
    }

    func writeHeaders(to output: inout GrowingBytes) {
        if let rawBlock { return output.append(rawBlock) }
        let start = output.count
        output.append(NATSHeaderBlock.version)
        let empty = output.count
        if showsKey, let key {
            HeaderMapping.writeLine(
                name: HeaderMapping.keyName, value: key, isTight: isTight, to: &output)
        }
        var index = 0
        let end = isTight ? headers.count - 1 : headers.count
        var cursor = headers.makeCursor()
        while index < end, let header = try? cursor.next() {
            if index != storedSubjectIndex {
                HeaderMapping.writeLine(
                    name: header.name, value: header.value, isTight: isTight, to: &output)
            }
            index += 1
        }
        if isTombstone, !hasOperation {
            output.append(HeaderMapping.operationName)
            output.append(isTight ? ":DEL\r\n" : ": DEL\r\n")
        }
        if output.count == empty {
            output.truncate(to: start)
        } else {
            output.append("\r\n")
        }
    }
}
