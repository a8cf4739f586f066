import Bytes
import JetStreamAPI
import Model
import Testing

private func numbers(of subject: [UInt8]) -> [UInt64]? {
    guard let view = AckSubjectView(subject.span.bytes) else { return nil }
    return [
        view.deliveries, view.streamSequence, view.consumerSequence, view.timestampNanoseconds,
        view.pending,
    ]
}

struct WireTests {
    @Test(arguments: [
        ("2026-11-22T21:38:57.146609357Z", 1_795_383_537_146_609_357 as Int64),
        ("1970-01-01T00:00:00Z", 0), ("2024-02-29T23:59:59.5Z", 1_709_251_199_500_000_000),
        ("1969-12-31T23:59:59.999999999Z", -1), ("2262-04-11T23:47:16.854775807Z", Int64.max),
    ])
    func `a time is written as Go writes it and read back`(_ text: String, _ nanoseconds: Int64) {
        #expect(Timestamp(nanoseconds: nanoseconds).rfc3339 == text)
        #expect(Timestamp(rfc3339: text)?.nanoseconds == nanoseconds)
    }

    @Test func `offsets count`() {
        #expect(Timestamp(rfc3339: "1970-01-01T02:00:00+02:00")?.nanoseconds == 0)
    }

    @Test(arguments: [
        "2020", "2020-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2020-01-01T24:00:00Z",
        "2020-01-01T00:00:00", "2020-01-01T00:00:00.Z", "9999-01-01T00:00:00Z", "",
        "2020-01-01T00:00:00Zx", "2020-01-01T00:00:00+99:00",
    ])
    func `what is no time is refused`(_ text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test(arguments: [
        (0 as Int64, "0s"), (1_000_000_000, "1s"), (1_500_000_000, "1.5s"), (250_000_000, "250ms"),
        (90_000_000_000, "1m30s"), (3_600_000_000_000, "1h0m0s"), (1_500, "1.5µs"), (7, "7ns"),
    ])
    func `a duration reads as in Go, both ways`(_ nanoseconds: Int64, _ text: String) {
        #expect(goDuration(nanoseconds: nanoseconds) == text)
        #expect(parseGoDuration(text) == nanoseconds)
    }

    @Test(arguments: ["", "s", "5", "5x", "1.2.3s", "-", "99999999999999h"])
    func `what is no duration is none`(_ text: String) {
        #expect(parseGoDuration(text) == nil)
    }

    @Test func `an ack subject comes back as it was written`() throws {
        let writer = AckSubjectWriter(stream: "P", consumer: "x")
        var bytes: [UInt8] = []
        writer.write(
            deliveries: 2, streamSequence: 3, consumerSequence: 6,
            timestampNanoseconds: 1_795_383_747_696_501_342, pending: 40, to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self) == "$JS.ACK.P.x.2.3.6.1795383747696501342.40")
        #expect(
            writer.byteCount(
                deliveries: 2, streamSequence: 3, consumerSequence: 6,
                timestampNanoseconds: 1_795_383_747_696_501_342, pending: 40) == bytes.count)
        #expect(
            numbers(of: bytes) == [2, 3, 6, 1_795_383_747_696_501_342, 40])
    }

    @Test func `version 2 with a domain and more tokens is read too`() throws {
        for tail in ["", ".x.y"] {
            let bytes = Array("$JS.ACK._.hash.P.x.2.3.6.17.40\(tail)".utf8)
            #expect(numbers(of: bytes) == [2, 3, 6, 17, 40])
        }
    }

    @Test(arguments: [
        "$JS.ACK.P.x.2.3.6.17", "$JS.ACK.P.x.2.3.6.17.40.1", "$JS.ACK.P.x.2.-3.6.17.40",
        "$JS.ACK.P..2.3.6.17.40", "$JS.ACX.P.x.2.3.6.17.40", "",
        "$JS.ACK.P.x.2.99999999999999999999.6.17.40",
    ])
    func `other subjects are no acks`(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(numbers(of: bytes) == nil)
    }

    @Test(arguments: [
        ("", AckMessage.acknowledged), ("+ACK", .acknowledged), ("+OK", .acknowledged),
        ("-NAK", .refused(delayNanoseconds: 0)),
        (#"-NAK {"delay": 500000000}"#, .refused(delayNanoseconds: 500_000_000)),
        ("-NAK 2s", .refused(delayNanoseconds: 2_000_000_000)),
        ("-NAK {", .refused(delayNanoseconds: 0)),
        ("-NAK -2s", .refused(delayNanoseconds: 0)), ("+WPI", .inProgress),
        ("+TERM", .terminated(reason: "")), ("+TERM bad data", .terminated(reason: "bad data")),
        ("+NXT", .next(request: [])), ("+NXT 5", .next(request: [0x35])),
    ])
    func `ack bodies mean what nats-server takes them for`(_ body: String, _ expected: AckMessage) {
        let bytes = Array(body.utf8)
        #expect(AckMessage(bytes.span.bytes) == expected)
    }

    @Test func `an ack body that means nothing is none`() {
        let bytes = Array("+HUH".utf8)
        #expect(AckMessage(bytes.span.bytes) == nil)
    }

    @Test(arguments: [
        ("", 1), ("3", 3), ("0", 1), ("-3", 1), ("abc", 1), (#"{"batch":0}"#, 1),
        (#"{"batch":7,"zz":1}"#, 7),
    ])
    func `a pull request asks for this many`(_ body: String, _ batch: Int) throws {
        let bytes = Array(body.utf8)
        #expect(try PullRequest(bytes.span.bytes).batch == batch)
    }

    @Test(arguments: [
        (#"{"batch":1,"idle_heartbeat":5}"#, "heartbeat value too large"),
        (#"{"batch":1,"expires":10,"idle_heartbeat":6}"#, "heartbeat value too large"),
        ("{", "unexpected end of JSON input"),
        (#"{"priority":12}"#, "Priority must be between 0 and 9"),
        (
            #"{"batch":"q"}"#,
            "json: cannot unmarshal string into Go struct field .batch of type int"
        ),
    ])
    func `a bad pull request says why`(_ body: String, _ reason: String) {
        let bytes = Array(body.utf8)
        #expect(throws: PullRequestError(reason: reason)) { try PullRequest(bytes.span.bytes) }
    }

    @Test(arguments: [
        (StatusReply.noMessages, "NATS/1.0 404 No Messages\r\n\r\n"),
        (
            .requestTimeout(pendingMessages: 5, pendingBytes: 0),
            "NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 5\r\nNats-Pending-Bytes: 0\r\n\r\n"
        ),
        (
            .idleHeartbeat(lastConsumer: 4, lastStream: 9, stalled: nil),
            "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 4\r\nNats-Last-Stream: 9\r\n\r\n"
        ),
        (
            .exceededMaxExpires(1_000_000_000),
            "NATS/1.0 409 Exceeded MaxRequestExpires of 1s\r\n\r\n"
        ),
        (.badRequest("a\r\nb"), "NATS/1.0 400 Bad Request - a  b\r\n\r\n"),
        (
            .endOfBatch(pending: 0, lastSequence: 6, upTo: 7),
            "NATS/1.0 204 EOB\r\nNats-Num-Pending: 0\r\nNats-Last-Sequence: 6\r\nNats-UpTo-Sequence: 7\r\n\r\n"
        ),
    ])
    func `a status is the header block that nats-server sends`(
        _ status: StatusReply, _ expected: String
    ) {
        #expect(String(decoding: status.headers, as: UTF8.self) == expected)
    }

    @Test func `a publish is acknowledged in nats-server's very bytes`() {
        let writer = PubAckWriter(stream: "A")
        func ack(_ writer: PubAckWriter, _ sequence: UInt64, isDuplicate: Bool = false) -> String {
            var bytes = GrowingBytes()
            writer.write(sequence: sequence, isDuplicate: isDuplicate, to: &bytes)
            #expect(writer.byteCount(sequence: sequence, isDuplicate: isDuplicate) == bytes.count)
            return String(decoding: [UInt8](copying: bytes.span), as: UTF8.self)
        }
        #expect(ack(writer, 12) == #"{"stream":"A","seq":12}"#)
        #expect(ack(writer, .max) == #"{"stream":"A","seq":18446744073709551615}"#)
        #expect(ack(PubAckWriter(stream: "A", domain: "hub"), 3) == #"{"stream":"A","domain":"hub","seq":3}"#)
        #expect(ack(writer, 2, isDuplicate: true) == #"{"stream":"A","seq":2,"duplicate": true}"#)
        #expect(
            String(decoding: writer.refusal(.messageTooLarge), as: UTF8.self)
                == #"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"A","seq":0}"#
        )
    }

    @Test func `an error of a list carries the empty page`() {
        #expect(
            String(decoding: APIReply.consumerNames.error(.streamNotFound), as: UTF8.self)
                == #"{"type":"io.nats.jetstream.api.v1.consumer_names_response","error":{"code":404,"err_code":10059,"description":"stream not found"},"total":0,"offset":0,"limit":0,"consumers":[]}"#
        )
        #expect(
            String(decoding: APIReply.streamPurge.error(.badRequest), as: UTF8.self)
                == #"{"type":"io.nats.jetstream.api.v1.stream_purge_response","error":{"code":400,"err_code":10003,"description":"bad request"},"purged":0}"#
        )
    }

    @Test func `names come page by page`() {
        let all = (0..<1500).map { "s\($0)" }
        let text = String(decoding: StreamReply.names(all, offset: 1024), as: UTF8.self)
        #expect(text.contains(#""total":1500,"offset":1024,"limit":1024,"streams":["s1024""#))
        #expect(text.hasSuffix(#""s1499"]}"#))
        #expect(
            String(decoding: StreamReply.names(all, offset: 9999), as: UTF8.self)
                .hasSuffix(#""total":1500,"offset":1500,"limit":1024,"streams":null}"#))
    }

    @Test func `a purge below a sequence keeps no count as well`() {
        let bytes = Array(#"{"seq":5,"keep":1}"#.utf8)
        #expect(throws: JetStreamError.badRequest) { try PurgeRequest(bytes.span.bytes) }
    }
}
