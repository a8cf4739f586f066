import JSON
import JetStreamAPI
import Model
import Testing

private func request(_ text: String) throws(JetStreamError) -> StreamConfigRequest {
    let bytes = Array(text.utf8)
    return try StreamConfigRequest(bytes.span.bytes)
}

private func refusal(_ text: String, name: String = "T") -> JetStreamError? {
    do {
        _ = try request(text).validated(nameInSubject: name)
        return nil
    } catch {
        return error
    }
}

struct StreamConfigTests {
    @Test func `a create answer is what nats-server writes, field by field`() throws {
        let config = try request(#"{"name":"A","subjects":["a.*"]}"#).validated(nameInSubject: "A")
        var state = StreamState()
        state.firstSequence = 1
        state.firstTime = Timestamp(rfc3339: "2026-11-22T21:40:13.571823301Z")
        state.lastSequence = 6
        state.lastTime = Timestamp(rfc3339: "2026-11-22T21:40:13.5Z")
        state.messages = 6
        state.bytes = 360
        state.subjectCount = 4
        let info = StreamInfo(
            config: config, created: Timestamp(rfc3339: "2026-11-22T21:38:57.146609357Z")!,
            state: state,
            leader: nil, now: Timestamp(rfc3339: "2026-11-22T21:38:57Z")!)
        #expect(
            String(decoding: StreamReply.created(info), as: UTF8.self)
                == #"{"type":"io.nats.jetstream.api.v1.stream_create_response","config":{"name":"A","subjects":["a.*"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1,"duplicate_window":120000000000,"compression":"none","allow_direct":false,"mirror_direct":false,"sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,"metadata":{"_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.1"}},"created":"2026-11-22T21:38:57.146609357Z","state":{"messages":6,"bytes":360,"first_seq":1,"first_ts":"2026-11-22T21:40:13.571823301Z","last_seq":6,"last_ts":"2026-11-22T21:40:13.5Z","num_subjects":4,"consumer_count":0},"ts":"2026-11-22T21:38:57Z","did_create":true}"#
        )
    }

    @Test(arguments: [#""storage":"memory""#, #""persist_mode":"async""#])
    func `what is written is read back`(kept: String) throws {
        let config = try request(
            #"{\#(kept),"name":"A","subjects":["a","b.>"],"retention":"workqueue","max_msgs":5,"max_age":200000000,"max_msgs_per_subject":2,"max_msg_size":9,"discard":"new","discard_new_per_subject":true,"placement":{"cluster":"c","tags":["t"]},"compression":"s2","first_seq":7,"allow_direct":true,"deny_delete":true,"deny_purge":true,"consumer_limits":{"max_ack_pending":3},"metadata":{"x":"y"},"description":"d","no_ack":true}"#
        ).validated(nameInSubject: "A")
        var json = JSONWriter()
        config.write(to: &json)
        #expect(try StreamConfig(json: JSONValue.parse(json.text)) == config)
    }

    @Test(arguments: [
        (#"{"name":"T","foo":1}"#, 10025, #"invalid JSON: json: unknown field "foo""#),
        (#"{"name":"#, 10025, "invalid JSON: unexpected EOF"),
        (
            #"{"name":"T","max_msgs":"x"}"#, 10025,
            "invalid JSON: json: cannot unmarshal string into Go struct field StreamConfigRequest.max_msgs of type int64"
        ),
        (
            #"{"name":"T","max_age":1.5}"#, 10025,
            "invalid JSON: json: cannot unmarshal number 1.5 into Go struct field StreamConfigRequest.max_age of type time.Duration"
        ),
        (
            "[]", 10025,
            "invalid JSON: json: cannot unmarshal array into Go value of type server.StreamConfigRequest"
        ),
        (#"{"name":"T","retention":"x"}"#, 10025, #"invalid JSON: can not unmarshal "\"x\"""#),
        (#"{"name":"T","compression":"x"}"#, 10025, "invalid JSON: unknown compression algorithm"),
        ("", 10056, "stream name in subject does not match request"),
        (
            #"{"name":"T","storage":"memory","persist_mode":"async"}"#, 10052,
            "async persist mode is only supported on file storage"
        ),
        (
            #"{"name":"T","num_replicas":3,"persist_mode":"async"}"#, 10052,
            "async persist mode is not supported on replicated streams"
        ),
        (#"{"name":"T","subjects":["x","x"]}"#, 10052, #"subject "x" overlaps with "x""#),
        (#"{"name":"T","subjects":["x..y"]}"#, 10052, "invalid subject"),
        (
            #"{"name":"T","subjects":[">"]}"#, 10052,
            "capturing all subjects requires no-ack to be true"
        ),
        (
            #"{"name":"T","subjects":["$JS.API.>"]}"#, 10052,
            "subjects that overlap with jetstream api require no-ack to be true"
        ),
        (
            #"{"name":"T","subjects":["$SYS.x"]}"#, 10052,
            "subjects that overlap with system api require no-ack to be true"
        ),
        (
            #"{"name":"T","num_replicas":3}"#, 10074,
            "replicas > 1 not supported in non-clustered mode"
        ),
        (#"{"name":"T","num_replicas":6}"#, 10052, "maximum replicas is 5"),
        (#"{"name":"T","num_replicas":-1}"#, 10133, "replicas count cannot be negative"),
        (#"{"name":"T","max_age":1}"#, 10052, "max age needs to be >= 100ms"),
        (#"{"name":"T","max_age":-1}"#, 10052, "max age can not be negative"),
        (
            #"{"name":"T","max_age":1000000000,"duplicate_window":2000000000}"#, 10052,
            "duplicates window can not be larger then max age"
        ),
        (#"{"name":"T","duplicate_window":1}"#, 10052, "duplicates window needs to be >= 100ms"),
        (
            #"{"name":"T","sealed":true}"#, 10052,
            "stream configuration for create can not be sealed"
        ),
        (
            #"{"name":"T","deny_purge":true,"allow_rollup_hdrs":true}"#, 10052,
            "roll-ups require the purge permission"
        ),
        (
            #"{"name":"T","discard_new_per_subject":true}"#, 10052,
            "discard new per subject requires discard new policy to be set"
        ),
        (
            #"{"name":"T","pedantic":true,"max_age":1000000000}"#, 10157,
            "pedantic mode: duplicate window cannot be bigger than max age"
        ),
        (
            #"{"name":"T","mirror":{"name":"A"},"subjects":["x"]}"#, 10034,
            "stream mirrors can not contain subjects"
        ),
        (#"{"name":"T","allow_atomic":true}"#, 10052, "not supported by this server: allow_atomic"),
    ])
    func `a refused create says why as nats-server does`(
        _ text: String, _ code: Int, _ sentence: String
    ) {
        let error = refusal(text)
        #expect(error?.errorCode == code)
        #expect(error?.description == sentence)
    }

    @Test(arguments: [("a*b", 10052), ("a/b", 10128), ("a\\b", 10128), ("", 10052)])
    func `a name that could break subjects or paths is refused`(_ name: String, _ code: Int) {
        var json = JSONWriter()
        json.beginObject()
        json.field("name", name)
        json.endObject()
        #expect(refusal(json.text, name: name)?.errorCode == code)
    }

    @Test func `switched off features may be named`() {
        #expect(
            refusal(
                #"{"name":"T","allow_msg_ttl":false,"mirror":null,"sources":[],"placement":null}"#)
                == nil)
    }

    @Test func `an update may not change storage, work queues or one-way switches`() throws {
        let current = try request(#"{"name":"T","deny_delete":true}"#).validated(nameInSubject: "T")
        func error(_ text: String) -> String? {
            do {
                _ = try request(text).validatedUpdate(of: current, nameInSubject: "T")
                return nil
            } catch { return error.description }
        }
        #expect(
            error(#"{"name":"T","storage":"memory"}"#)
                == "stream configuration update can not change storage type")
        #expect(
            error(#"{"name":"T","retention":"workqueue"}"#)
                == "stream configuration update can not change retention policy to/from workqueue")
        #expect(
            error(#"{"name":"T"}"#)
                == "stream configuration update can not cancel deny message deletes")
        #expect(error(#"{"name":"T","deny_delete":true,"max_msgs":5}"#) == nil)
    }

    @Test func `sealing closes every other door`() throws {
        let current = try request(#"{"name":"T","allow_rollup_hdrs":true}"#).validated(
            nameInSubject: "T")
        let sealed = try request(#"{"name":"T","allow_rollup_hdrs":true,"sealed":true}"#)
            .validatedUpdate(of: current, nameInSubject: "T")
        #expect(sealed.sealed && sealed.denyDelete && sealed.denyPurge)
        #expect(!sealed.allowRollup && sealed.discard == .new)
    }

    @Test func `metadata of the server's own does not make a stream another one`() throws {
        let one = try request(#"{"name":"T"}"#).validated(nameInSubject: "T")
        let two = try request(#"{"name":"T","metadata":{"_nats.ver":"1"}}"#).validated(
            nameInSubject: "T")
        let three = try request(#"{"name":"T","metadata":{"a":"1"}}"#).validated(nameInSubject: "T")
        #expect(one.isSame(as: two))
        #expect(!one.isSame(as: three))
    }
}
