import Bytes
import Model
import Records
import Testing

/// A NATS message as a value.
struct Message: Equatable, CustomStringConvertible {
    var subject: [UInt8]
    var headers: [UInt8]
    var payload: [UInt8]

    init(_ subject: String, headers: String = "", _ payload: String = "x") {
        self.subject = Array(subject.utf8)
        self.headers = Array(headers.utf8)
        self.payload = Array(payload.utf8)
    }

    var description: String {
        let parts = [subject, headers, payload].map { String(repairingUTF8: $0.span.bytes).debugDescription }
        return parts.joined(separator: " ")
    }
}

/// The batch that `message` is stored as.
func stored(_ message: Message, _ prefix: KeyPrefix) throws -> [UInt8] {
    var builder = RecordBatchBuilder()
    builder.append(
        natsSubject: message.subject.span.bytes, headers: message.headers.span.bytes,
        payload: message.payload.span.bytes, prefix: prefix, timestampMilliseconds: 1_700_000_000_000)
    builder.seal()
    let bytes = Array(copying: builder.bytes)
    try #require(fault(bytes) == nil, "a broker would refuse this record")
    return bytes
}

/// The one record of a batch.
func record(_ message: Message, _ prefix: KeyPrefix) throws -> Record {
    try readAll(stored(message, prefix))[0]
}

/// What NATS sees of a batch's one record.
func shown(_ batch: [UInt8], _ prefix: KeyPrefix) throws -> Message {
    let view = try RecordBatchView(batch.span.bytes)
    var records = RecordCursor(view.payload, count: 1)
    guard let record = try records.next() else { throw MalformedBytes.truncated }
    var buffer = NATSMessageBuffer()
    var message = Message("")
    for _ in 0..<2 {
        buffer.render(record, prefix: prefix)
        message.subject = Array(copying: buffer.subject)
        message.headers = Array(copying: buffer.headers)
        message.payload = Array(copying: record.natsPayload)
    }
    buffer.renderSubject(record, prefix: prefix)
    let subject = Array(copying: buffer.subject)
    #expect(subject == message.subject)
    return message
}

func shown(_ record: Record, _ prefix: KeyPrefix) throws -> Message {
    try shown(build([record]), prefix)
}

private func block(_ lines: String...) -> String {
    "NATS/1.0\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

private let orders = KeyPrefix("orders")

@Suite struct KeyPrefixTests {
    @Test(arguments: [
        (["orders.>"], "orders"), (["orders", "orders.>"], "orders"), (["orders.>", "orders"], "orders"),
        (["$KV.config.>"], "$KV.config"), (["kafka.T", "kafka.T.>"], "kafka.T"),
        (["a.b.c", "a.b.d"], "a.b"), (["a.*.c", "a.b.c"], "a"), (["a.>", "b.>"], ""), ([">"], ""),
        (["*"], ""), ([], ""), (["events"], "events"), (["order.x", "orders.x"], ""),
    ])
    func `the prefix is the literal tokens that all subjects share`(subjects: [String], prefix: String) {
        #expect(KeyPrefix(subjects: subjects).text == prefix)
        #expect(KeyPrefix(subjects: subjects) == KeyPrefix(prefix))
    }

    @Test(arguments: [
        ("orders.eu.17", "eu.17"), ("orders", nil), ("orders.größe", "größe"),
        ("orders." + String(repeating: "k", count: 4089), String(repeating: "k", count: 4089)),
    ] as [(String, String?)])
    func `a subject under the prefix is a key, the prefix itself none`(subject: String, key: String?) throws {
        let found = try record(Message(subject), orders)
        #expect(found == Record(key: key, value: "x"))
    }

    @Test(arguments: [
        "invoices.1", "orders2", "orders2.x", "Orders.x", "orders.*", "orders.a.>", "orders..x", "orders.",
        "orders.a.", "orders.a\u{7F}b", "o", "orders." + String(repeating: "k", count: 4090),
    ])
    func `any other subject is kept in a header`(subject: String) throws {
        let message = Message(subject, headers: block("a: b"))
        let found = try record(message, orders)
        let expected = [RecordHeader("Nats-Subject", subject), RecordHeader("a", "b")]
        #expect(found == Record(key: nil, value: "x", headers: expected))
        #expect(try shown(stored(message, orders), orders) == message)
    }

    @Test func `without a prefix the whole subject is the key`() throws {
        let none = KeyPrefix(subjects: ["a.>", "b.>"])
        #expect(try record(Message("a.x"), none) == Record(key: "a.x", value: "x"))
        #expect(try shown(stored(Message("a.x"), none), none) == Message("a.x"))
        #expect(try shown(Record(key: nil, value: "x"), none) == Message("_"))
        #expect(try shown(Record(key: "a b", value: "x"), none) == Message("_", headers: block("Kafka-Key: a b")))
    }

    @Test func `legal characters may stand anywhere in a token`() throws {
        for key in ["a*", "*a", "a>b", "$JS", "a:b", "-", "_", "日本", "a.*b.c>"] {
            #expect(try shown(Record(key: key, value: "x"), orders) == Message("orders." + key))
        }
    }
}

/// What a Kafka record looks like to NATS.
@Suite struct RecordToNATSTests {
    @Test(arguments: ["a b", "*", ">", "a.*", "a.>", ".", "a..b", ".a", "a.", "a\tb", "", String(repeating: "k", count: 5000)])
    func `a key that is no subject is shown in a header`(key: String) throws {
        let message = try shown(Record(key: key, value: "x", headers: [RecordHeader("h", "v")]), orders)
        #expect(message == Message("orders", headers: block("Kafka-Key: \(key)", "h: v")))
    }

    @Test func `a key that is no text is shown as base64`() throws {
        var record = Record(key: nil, value: "x")
        record.key = [0xFF, 0x00, 0x0A]
        #expect(try shown(record, orders) == Message("orders", headers: block("Kafka-Key;base64: /wAK")))
        record.key = Array("a\r\nNats-Rollup: all".utf8)
        let encoded = Base64.encode(Array("a\r\nNats-Rollup: all".utf8))
        #expect(try shown(record, orders) == Message("orders", headers: block("Kafka-Key;base64: \(encoded)")))
    }

    @Test func `headers keep their order and duplicates`() throws {
        let headers = [RecordHeader("b", "1"), RecordHeader("a", "2"), RecordHeader("b", " 3 "), RecordHeader("b", "")]
        let message = try shown(Record(key: "k", value: "x", headers: headers), orders)
        #expect(message == Message("orders.k", headers: block("b: 1", "a: 2", "b:  3 ", "b: ")))
    }

    @Test func `what NATS can't carry is base64, and each record header has its own line`() throws {
        let headers = [
            RecordHeader("crlf", "a\r\nInjected: 1"), RecordHeader("lf", "\n"), RecordHeader("bin", [0xC3]),
            RecordHeader("null", nil as [UInt8]?), RecordHeader("empty", ""), RecordHeader("", "1"),
            RecordHeader("a b", "2"), RecordHeader("größe", "3"), RecordHeader("a:b", [0xFF]),
            RecordHeader("x\r\ny", nil as [UInt8]?), RecordHeader("bin;base64", "ww=="),
            RecordHeader("n;name64", "4"),
        ]
        let message = try shown(Record(key: "k", value: "x", headers: headers), orders)
        let lines = block(
            "crlf;base64: YQ0KSW5qZWN0ZWQ6IDE=", "lf;base64: Cg==", "bin;base64: ww==", "null;base64: ",
            "empty: ", ";name64: 1", "YSBi;name64: 2", "Z3LDtsOfZQ==;name64: 3",
            "YTpi;name64;base64: /w==", "eA0KeQ==;name64;base64: ", "YmluO2Jhc2U2NA==;name64: ww==",
            "bjtuYW1lNjQ=;name64: 4")
        #expect(message == Message("orders.k", headers: lines))
        // And a NATS client that publishes these lines makes the same record headers of them.
        #expect(try record(message, orders).headers == headers)
    }

    @Test func `a tombstone is a deletion`() throws {
        #expect(try shown(Record(key: "k", value: nil), orders) == Message("orders.k", headers: block("KV-Operation: DEL"), ""))
        let purge = [RecordHeader("KV-Operation", "PURGE"), RecordHeader("Nats-Rollup", "sub")]
        #expect(
            try shown(Record(key: "k", value: nil, headers: purge), orders)
                == Message("orders.k", headers: block("KV-Operation: PURGE", "Nats-Rollup: sub"), ""))
        #expect(try shown(Record(key: "k", value: ""), orders) == Message("orders.k", ""), "empty is not deleted")
        #expect(
            try shown(Record(key: "a b", value: nil, headers: [RecordHeader("h", "v")]), orders)
                == Message("orders", headers: block("Kafka-Key: a b", "h: v", "KV-Operation: DEL"), ""))
    }

    @Test func `a producer may name the subject in a header, and its key is still shown`() throws {
        let named = [RecordHeader("h", "v"), RecordHeader("Nats-Subject", "other.x"), RecordHeader("Nats-Subject", "third")]
        #expect(
            try shown(Record(key: "k", value: "x", headers: named), orders)
                == Message("other.x", headers: block("Kafka-Key: k", "h: v", "Nats-Subject: third")))
    }

    @Test(arguments: ["", "a b", "a\r\nPING", "a\tb", String(repeating: "s", count: 65_536)])
    func `a header that could break the protocol line is no subject`(subject: String) throws {
        let named = [RecordHeader("Nats-Subject", subject), RecordHeader("Nats-Subject", "fine")]
        let message = try shown(Record(key: "k", value: "x", headers: named), orders)
        let line = subject.utf8.contains(10) ? "Nats-Subject;base64: " + Base64.encode(Array(subject.utf8)) : "Nats-Subject: " + subject
        #expect(message == Message("orders.k", headers: block(line, "Nats-Subject: fine")))
    }

    @Test func `a header called like ours hides nothing`() throws {
        let raw = RecordHeader("Nats-Raw-Headers", block("a: b"))
        let rawLine = "Nats-Raw-Headers;base64: " + Base64.encode(raw.value!)
        // Not alone: an ordinary header.
        #expect(
            try shown(Record(key: "k", value: "x", headers: [RecordHeader("h", "v"), raw]), orders)
                == Message("orders.k", headers: block("h: v", rawLine)))
        #expect(
            try shown(Record(key: "k", value: "x", headers: [raw, RecordHeader("h", "v")]), orders)
                == Message("orders.k", headers: block(rawLine, "h: v")))
        // Something must be added: the key, or the deletion.
        #expect(
            try shown(Record(key: "a b", value: "x", headers: [raw]), orders)
                == Message("orders", headers: block("Kafka-Key: a b", rawLine)))
        #expect(
            try shown(Record(key: "k", value: nil, headers: [raw]), orders)
                == Message("orders.k", headers: block(rawLine, "KV-Operation: DEL"), ""))
        #expect(
            try shown(Record(key: nil, value: nil, headers: [raw]), orders)
                == Message("orders", headers: block(rawLine, "KV-Operation: DEL"), ""))
        // Alone, it is what it says.
        #expect(try shown(Record(key: "k", value: "x", headers: [raw]), orders) == Message("orders.k", headers: block("a: b")))
        let style = [RecordHeader("Nats-Header-Style", "tight"), RecordHeader("h", "v")]
        #expect(
            try shown(Record(key: "k", value: "x", headers: style), orders)
                == Message("orders.k", headers: block("Nats-Header-Style: tight", "h: v")))
        let key = [RecordHeader("Kafka-Key", "zzz")]
        #expect(
            try shown(Record(key: "a b", value: "x", headers: key), orders)
                == Message("orders", headers: block("Kafka-Key: a b", "Kafka-Key: zzz")))
    }
}

/// What a NATS message is stored as, and that it comes back.
@Suite struct NATSToRecordTests {
    @Test func `headers are stored as pairs, in order, with duplicates`() throws {
        let message = Message("orders.k", headers: block("Nats-Msg-Id: 1", "b: 2", "a:  x: y ", "b: ", "Kafka-Key: z"))
        #expect(
            try record(message, orders)
                == Record(
                    key: "k", value: "x",
                    headers: [
                        RecordHeader("Nats-Msg-Id", "1"), RecordHeader("b", "2"), RecordHeader("a", " x: y "),
                        RecordHeader("b", ""), RecordHeader("Kafka-Key", "z"),
                    ]))
        #expect(try shown(stored(message, orders), orders) == message)
    }

    @Test func `a block without spaces behind the colons is stored as pairs too`() throws {
        let message = Message("orders.k", headers: block("Nats-Msg-Id:1", "b:", "b;base64:/w==", "c;base64:"))
        #expect(
            try record(message, orders).headers == [
                RecordHeader("Nats-Msg-Id", "1"), RecordHeader("b", ""), RecordHeader("b", [0xFF]),
                RecordHeader("c", nil as [UInt8]?), RecordHeader("Nats-Header-Style", "tight"),
            ])
        #expect(try shown(stored(message, orders), orders) == message)
    }

    @Test(arguments: [
        "NATS/1.0\r\n\r\n", "NATS/1.0 503\r\n\r\n", "NATS/1.0 100 Idle\r\na: b\r\n\r\n", "NATS/1.0\r\na: b\r\n",
        "NATS/1.0\r\na: b\r\n\r\nmore", "NATS/1.0\na: b\n\n", "nats/1.0\r\na: b\r\n\r\n", "a: b\r\n\r\n", "\r\n", "x",
        "NATS/1.0\r\na: b\r\nc:d\r\n\r\n", "NATS/1.0\r\na:b\r\nc: d\r\n\r\n", "NATS/1.0\r\na : b\r\n\r\n",
        "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0\r\n: v\r\n\r\n", "NATS/1.0\r\na: b\rc\r\n\r\n",
        "NATS/1.0\r\na: b\nc\r\n\r\n", "NATS/1.0\r\ngröße: 1\r\n\r\n", "NATS/1.0\r\na: b\r\n\r\n\r\n",
        "NATS/1.0\r\nx;base64: YQ==\r\n\r\n", "NATS/1.0\r\nx;base64: /w=\r\n\r\n", "NATS/1.0\r\nx;base64: /x==\r\n\r\n",
        "NATS/1.0\r\nYQ==;name64: v\r\n\r\n", "NATS/1.0\r\n/w==;name64: v\r\n\r\n", "NATS/1.0\r\nx;base64;name64: v\r\n\r\n",
        "NATS/1.0\r\n;base64: \r\n\r\n", "NATS/1.0\r\nNats-Raw-Headers: v\r\n\r\n", "NATS/1.0\r\nNats-Raw-Headers;base64: /w==\r\n\r\n",
        "NATS/1.0\r\na:b\r\nNats-Header-Style:tight\r\n\r\n", "NATS/1.0", "NATS/1.0\r\n", "NATS/1.0\r\na:", "NATS/1.0\r\na: b\r",
    ])
    func `a block that pairs would not give back is kept whole`(headers: String) throws {
        for message in [Message("orders.k", headers: headers), Message("other", headers: headers), Message("orders", headers: headers, "")] {
            let found = try record(message, orders)
            #expect(found.headers.last == RecordHeader("Nats-Raw-Headers", headers))
            #expect(found.headers.count == (message.subject == Array("other".utf8) ? 2 : 1))
            #expect(try shown(stored(message, orders), orders) == message)
        }
    }

    @Test func `a header value that is no text is kept whole`() throws {
        var message = Message("orders.k", headers: block("a: ?"))
        message.headers[13] = 0xFF
        #expect(try record(message, orders).headers == [RecordHeader("Nats-Raw-Headers", message.headers)])
        #expect(try shown(stored(message, orders), orders) == message)
    }

    @Test func `a deletion is a tombstone with its headers`() throws {
        for operation in ["DEL", "PURGE"] {
            let message = Message("$KV.c.k", headers: block("KV-Operation: \(operation)", "Nats-Rollup: sub"), "")
            let bucket = KeyPrefix(subjects: ["$KV.c.>"])
            #expect(
                try record(message, bucket)
                    == Record(
                        key: "k", value: nil,
                        headers: [RecordHeader("KV-Operation", operation), RecordHeader("Nats-Rollup", "sub")]))
            #expect(try shown(stored(message, bucket), bucket) == message)
        }
        let raw = Message("orders.k", headers: "NATS/1.0 x\r\nKV-Operation:DEL\r\n\r\n", "")
        #expect(try record(raw, orders).value == nil)
        #expect(try shown(stored(raw, orders), orders) == raw)
    }

    @Test func `only a deletion is a tombstone`() throws {
        let others = [
            Message("orders.k", ""), Message("orders.k", headers: block("KV-Operation: DEL"), "x"),
            Message("orders.k", headers: block("KV-Operation: PUT"), ""),
            Message("orders.k", headers: block("kv-operation: DEL"), ""),
            Message("orders.k", headers: block("KV-Operation: DELETE"), ""),
        ]
        for message in others {
            #expect(try record(message, orders).value == message.payload)
            #expect(try shown(stored(message, orders), orders) == message)
        }
    }

    @Test func `a publisher's own Nats-Subject header is not taken for ours`() throws {
        for subject in ["orders.k", "orders", "other"] {
            let message = Message(subject, headers: block("a: b", "Nats-Subject: evil", "Nats-Subject: worse"))
            let found = try record(message, orders)
            #expect(found.headers.first == RecordHeader("Nats-Subject", subject))
            #expect(found.headers.count == 4)
            #expect(found.key == (subject == "orders.k" ? Array("k".utf8) : nil), "the key stays, for compaction")
            #expect(try shown(stored(message, orders), orders) == message)
        }
    }

    @Test func `every message comes back byte for byte`() throws {
        var random = SplitMix64(seed: 2024)
        let subjects = ["orders", "orders.a", "orders.a.b", "other", "orders.*", "orders.ü", "orders..", "."]
        let pieces = [
            "NATS/1.0\r\n", "NATS/1.0", "a", "Nats-Subject", "Nats-Raw-Headers", "Nats-Header-Style", "KV-Operation", "tight",
            "DEL", ": ", ":", " ", "\r\n", "\r", "\n", ";base64", ";name64", "/w==", "YSBi", "ü", "x y", "Kafka-Key",
        ]
        let prefixes = [orders, KeyPrefix(""), KeyPrefix("orders.a")]
        var pairCount = 0
        for _ in 0..<20_000 {
            var message = Message(subjects.randomElement(using: &random)!, ["", "p"].randomElement(using: &random)!)
            var headers = Bool.random(using: &random) ? "NATS/1.0\r\n" : ""
            if Bool.random(using: &random) {
                for _ in 0..<Int.random(in: 0...12, using: &random) { headers += pieces.randomElement(using: &random)! }
                headers += "\r\n\r\n"
            } else {
                let separator = [": ", ":"].randomElement(using: &random)!
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    headers += pieces[2...8].randomElement(using: &random)!
                    if Int.random(in: 0..<4, using: &random) == 0 { headers += pieces[15...16].randomElement(using: &random)! }
                    headers += separator + pieces[7...].randomElement(using: &random)! + "\r\n"
                }
                headers += "\r\n"
            }
            message.headers = Array(headers.utf8)
            if Int.random(in: 0..<10, using: &random) == 0, !message.headers.isEmpty {
                message.headers[Int.random(in: 0..<message.headers.count, using: &random)] = 0xFE
            }
            let prefix = prefixes.randomElement(using: &random)!
            let bytes = try stored(message, prefix)
            #expect(try shown(bytes, prefix) == message)
            if !message.headers.isEmpty, try readAll(bytes)[0].headers.last?.name != "Nats-Raw-Headers" {
                pairCount += 1
            }
        }
        #expect(pairCount > 500, "the seed should reach pairs, not only raw blocks")
    }

    @Test func `any record can be shown`() throws {
        var random = SplitMix64(seed: 99)
        let names = ["Nats-Subject", "Nats-Raw-Headers", "Nats-Header-Style", "Kafka-Key", "KV-Operation", "a", "", "a;base64", "ü\r\n"]
        for _ in 0..<5000 {
            var headers: [RecordHeader] = []
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let value: [UInt8]? = switch Int.random(in: 0..<4, using: &random) {
                case 0: nil
                case 1: Array("tight".utf8)
                case 2: Array("NATS/1.0\r\na: b\r\n\r\n".utf8)
                default: random.bytes(Int.random(in: 0...6, using: &random))
                }
                headers.append(RecordHeader(names.randomElement(using: &random)!, value))
            }
            var record = Record(key: nil, value: Bool.random(using: &random) ? "v" : nil, headers: headers)
            if Bool.random(using: &random) { record.key = random.bytes(Int.random(in: 0...4, using: &random)) }
            let message = try shown(record, orders)
            #expect(!message.subject.isEmpty)
            #expect(!message.subject.contains { [0x20, 0x09, 0x0D, 0x0A].contains($0) })
            if record.value == nil {
                let operation = NATSHeaderBlock(message.headers.span.bytes).value(of: "KV-Operation")
                let isMarked = operation != nil || headers.contains { $0.name == "KV-Operation" }
                #expect(isMarked)
            }
        }
    }
}

@Suite struct NATSHeaderBlockTests {
    private func value(_ name: StaticString, in text: String) -> String? {
        let bytes = Array(text.utf8)
        guard let value = NATSHeaderBlock(bytes.span.bytes).value(of: name) else { return nil }
        return String(repairingUTF8: value)
    }

    @Test func `a value is found by its exact name, without leading spaces`() {
        let text = block("nats-msg-id: lower", "X-Nats-Msg-Id: x", "Nats-Msg-Id:   a b ", "Nats-Msg-Id: second", "Empty:", "Tight:v:w")
        #expect(value("Nats-Msg-Id", in: text) == "a b ")
        #expect(value("Empty", in: text) == "")
        #expect(value("Tight", in: text) == "v:w")
        #expect(value("Nats-Msg", in: text) == nil)
        #expect(value("NATS/1.0", in: text) == nil)
    }

    @Test(arguments: ["", "NATS/1.0", "NATS/1.0\r\n", "a: b\r\n", "NATS/1.0\r\n\r\n", "\n\n\n", "NATS/1.0\r\nno colon\r\n\r\n"])
    func `a block without the header has no value`(text: String) {
        #expect(value("a", in: text) == nil)
    }

    @Test func `lines are walked in order, a status in the first line left out`() {
        let bytes = Array("NATS/1.0 503 No: Responders\r\na: 1\r\nbroken\r\nb:2\nc: 3".utf8)
        var lines = NATSHeaderBlock(bytes.span.bytes).makeCursor()
        var found: [String] = []
        while let line = lines.next() {
            found.append(String(repairingUTF8: line.name) + "=" + String(repairingUTF8: line.value))
        }
        #expect(found == ["a=1", "b=2", "c=3"])
    }
}
