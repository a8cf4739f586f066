import JSON
import JetStreamAPI
import Testing

private func request(_ text: String) throws(JetStreamError) -> CreateConsumerRequest {
    let bytes = Array(text.utf8)
    return try CreateConsumerRequest(bytes.span.bytes)
}

private func config(
    _ text: String, _ subject: ConsumerCreateSubject = .named("t", filter: nil),
    stream: StreamConfig = StreamConfig(name: "S", subjects: ["s.>"])
) throws(JetStreamError) -> ConsumerConfig {
    try request(#"{"stream_name":"S","config":"# + text + "}").validated(
        subject: subject, stream: stream)
}

private func refusal(
    _ text: String, _ subject: ConsumerCreateSubject = .named("t", filter: nil),
    stream: StreamConfig = StreamConfig(name: "S", subjects: ["s.>"])
) -> JetStreamError? {
    do {
        _ = try config(text, subject, stream: stream)
        return nil
    } catch { return error }
}

struct ConsumerConfigTests {
    @Test(arguments: [
        (
            #"{"name":"t","ack_policy":"explicit"}"#,
            #"{"name":"t","deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"inactive_threshold":5000000000,"num_replicas":0,"metadata":{"_nats.req.level":"0"}}"#
        ),
        (
            #"{"durable_name":"t"}"#,
            #"{"durable_name":"t","name":"t","deliver_policy":"all","ack_policy":"none","max_deliver":-1,"replay_policy":"instant","max_waiting":512,"num_replicas":0,"metadata":{"_nats.req.level":"0"}}"#
        ),
        (
            #"{"name":"t","max_deliver":3,"backoff":[1000000000,2000000000]}"#,
            #"{"name":"t","deliver_policy":"all","ack_policy":"none","ack_wait":1000000000,"max_deliver":3,"backoff":[1000000000,2000000000],"replay_policy":"instant","max_waiting":512,"inactive_threshold":5000000000,"num_replicas":0,"metadata":{"_nats.req.level":"0"}}"#
        ),
        (
            #"{"name":"t","deliver_subject":"p","flow_control":true,"idle_heartbeat":1000000000}"#,
            #"{"name":"t","deliver_policy":"all","ack_policy":"none","max_deliver":-1,"replay_policy":"instant","flow_control":true,"deliver_subject":"p","idle_heartbeat":1000000000,"inactive_threshold":5000000000,"num_replicas":0,"metadata":{"_nats.req.level":"0"}}"#
        ),
    ])
    func `defaults are nats-server's, and read back`(_ asked: String, _ expected: String) throws {
        let config = try config(asked)
        var json = JSONWriter()
        config.write(to: &json)
        #expect(json.text == expected)
        #expect(try ConsumerConfig(json: JSONValue.parse(json.text)) == config)
    }

    @Test(arguments: [
        (#"{"filter_subject":"s..a"}"#, 10052), (#"{"filter_subjects":["s.a",""]}"#, 10139),
        (#"{"filter_subjects":["s.a","s.>"]}"#, 10138),
        (#"{"filter_subject":"s.a","filter_subjects":["s.b"]}"#, 10136),
        (#"{"ack_wait":-1}"#, 10183),
        (#"{"backoff":[1,-1]}"#, 10184), (#"{"max_deliver":1,"backoff":[1,2]}"#, 10116),
        (#"{"max_expires":1}"#, 10115), (#"{"idle_heartbeat":1000000000}"#, 10088),
        (#"{"flow_control":true}"#, 10089), (#"{"rate_limit_bps":5}"#, 10086),
        (#"{"deliver_subject":"foo.*"}"#, 10079), (#"{"deliver_subject":"s.x"}"#, 10081),
        (#"{"deliver_subject":"a b"}"#, 10112),
        (#"{"deliver_subject":"p","idle_heartbeat":1000}"#, 10083),
        (#"{"deliver_subject":"p","flow_control":true}"#, 10108),
        (#"{"deliver_subject":"p","max_waiting":5}"#, 10080),
        (#"{"deliver_policy":"by_start_sequence"}"#, 10094),
        (#"{"deliver_policy":"by_start_time"}"#, 10094),
        (#"{"deliver_policy":"last_per_subject"}"#, 10094),
        (#"{"opt_start_seq":1}"#, 10094), (#"{"opt_start_time":"2020-01-01T00:00:00Z"}"#, 10094),
        (#"{"num_replicas":3}"#, 10074), (#"{"num_replicas":-1}"#, 10133),
        (#"{"sample_freq":"zz"}"#, 10095),
        (#"{"priority_policy":"overflow"}"#, 10159), (#"{"priority_groups":["a"]}"#, 10196),
        (#"{"priority_timeout":5}"#, 10197),
        (#"{"priority_policy":"overflow","priority_groups":["a"],"deliver_subject":"p"}"#, 10178),
        (#"{"ack_policy":"flow_control"}"#, 10218), (#"{"direct":true}"#, 10090),
        (#"{"durable_name":"u"}"#, 10017), (#"{"foo":1}"#, 10025), (#"{"ack_policy":"zz"}"#, 10025),
    ])
    func `a refused consumer gets nats-server's code`(_ text: String, _ code: Int) {
        #expect(refusal(text)?.errorCode == code)
    }

    @Test func `the subject and the body have to name the same consumer`() {
        #expect(refusal(#"{"durable_name":"d"}"#, .unnamed)?.errorCode == 10020)
        #expect(refusal(#"{"durable_name":"d"}"#, .durable("e"))?.errorCode == 10017)
        #expect(refusal("{}", .durable("e"))?.errorCode == 10018)
        #expect(refusal(#"{"filter_subject":"b"}"#, .named("d", filter: "a"))?.errorCode == 10131)
        #expect(
            refusal(#"{"filter_subjects":["b","c"]}"#, .named("d", filter: "a"))?.errorCode == 10137
        )
        #expect(refusal("{}", .named("a/b", filter: nil))?.errorCode == 10127)
        #expect(refusal(#"{"name":"a.b"}"#, .unnamed)?.errorCode == 10052)
    }

    @Test func `a work queue takes explicit acks from the start only`() throws {
        var stream = StreamConfig(name: "S", subjects: ["s.>"])
        stream.retention = .workqueue
        #expect(refusal("{}", stream: stream)?.errorCode == 10084)
        #expect(refusal(#"{"ack_policy":"all"}"#, stream: stream)?.errorCode == 10098)
        #expect(
            refusal(#"{"ack_policy":"explicit","deliver_policy":"new"}"#, stream: stream)?.errorCode
                == 10101)
        #expect(refusal(#"{"ack_policy":"explicit"}"#, stream: stream) == nil)
    }

    @Test(arguments: [
        (#"{"ack_policy":"none"}"#, "ack policy can not be updated"),
        (#"{"ack_policy":"explicit","deliver_policy":"new"}"#, "deliver policy can not be updated"),
        (#"{"ack_policy":"explicit","max_waiting":4}"#, "max waiting can not be updated"),
        (#"{"ack_policy":"explicit","mem_storage":true}"#, "storage type can not be updated"),
        (
            #"{"ack_policy":"explicit","deliver_subject":"x"}"#,
            "can not update pull consumer to push based"
        ),
    ])
    func `what an update may not change is refused by name`(_ text: String, _ sentence: String)
        throws
    {
        let current = try config(#"{"ack_policy":"explicit"}"#)
        let next = try config(text)
        #expect(throws: JetStreamError.consumerCreate(sentence)) {
            try current.checkUpdate(to: next, isBound: false)
        }
    }

    @Test func `filters and waits may change`() throws {
        let current = try config(#"{"ack_policy":"explicit"}"#)
        let next = try config(
            #"{"ack_policy":"explicit","filter_subject":"s.q","ack_wait":5,"max_ack_pending":3}"#)
        try current.checkUpdate(to: next, isBound: false)
        #expect(!current.isSame(as: next))
    }

    @Test func `an unknown action is a JSON error`() {
        #expect(throws: JetStreamError.invalidJSON(#"unknown consumer action: "zz""#)) {
            try request(#"{"stream_name":"S","config":{},"action":"zz"}"#)
        }
    }
}
