import JetStream
import JetStreamAPI
import Model
import Testing

/// Each story was told by nats-server 2.15.1 first.
struct PullTests {
    @Test func `acks, refusals and redeliveries move the floor as in nats-server`() throws {
        var story = try ConsumerStory(
            stream: ten(), #"{"durable_name":"x","ack_policy":"explicit","ack_wait":1000000000}"#)
        #expect(story.summary == "delivered 0/0 floor 0/0 acks 0 again 0 waiting 0 left 10")
        #expect(try story.pull() == ["1 #1 x1 left 9"])
        #expect(try story.ack(1) == ["settled 1"])
        #expect(try story.ack(1) == [])
        #expect(story.summary == "delivered 1/1 floor 1/1 acks 0 again 0 waiting 0 left 9")
        #expect(try story.pull("3") == ["2 #2 x1 left 8", "3 #3 x1 left 7", "4 #4 x1 left 6"])
        #expect(try story.ack(4) == ["settled 4"])
        #expect(story.summary == "delivered 4/4 floor 1/1 acks 2 again 0 waiting 0 left 6")
        #expect(try story.ack(2, "-NAK") == ["refused 2 x1"])
        #expect(story.summary == "delivered 4/4 floor 1/1 acks 2 again 0 waiting 0 left 6")
        #expect(try story.pull("1") == ["2 #5 x2 left 6"])
        #expect(story.summary == "delivered 5/4 floor 1/1 acks 2 again 1 waiting 0 left 6")
        #expect(try story.ack(2, "+WPI") == [])
        #expect(try story.ack(2, "+TERM bad") == ["settled 2", "terminated 2 bad"])
        #expect(story.summary == "delivered 5/4 floor 2/2 acks 1 again 0 waiting 0 left 6")
        #expect(try story.wait(1.2) == [])
        #expect(try story.pull(#"{"batch":1,"no_wait":true}"#) == ["3 #6 x2 left 6"])
        #expect(story.summary == "delivered 6/4 floor 2/2 acks 1 again 1 waiting 0 left 6")
        #expect(try story.ack(3, #"-NAK {"delay": 500000000}"#) == ["refused 3 x2"])
        #expect(try story.pull(#"{"batch":1,"no_wait":true}"#) == ["5 #7 x1 left 5"])
        #expect(try story.wait(0.5) == [])
        #expect(try story.pull(#"{"batch":1,"no_wait":true}"#) == ["3 #8 x3 left 5"])
        #expect(try story.ack(3, "+NXT") == ["settled 3"])
        #expect(story.summary == "delivered 8/5 floor 6/4 acks 1 again 0 waiting 0 left 5")
    }

    @Test func `requests that do not wait end when nothing is left`() throws {
        var story = try ConsumerStory(#"{"durable_name":"x","ack_policy":"explicit"}"#)
        for index in 0..<3 { story.stream.publish("p.\(index)") }
        #expect(
            try story.pull(#"{"batch":5,"no_wait":true,"expires":500000000}"#)
                == ["1 #1 x1 left 2", "2 #2 x1 left 1", "3 #3 x1 left 0", "_I.1 404 No Messages"])
        #expect(try story.pull(#"{"batch":5,"no_wait":true,"expires":500000000}"#) == [])
        #expect(try story.wait(0.5) == ["_I.2 408 Request Timeout 5 0"])
        #expect(try story.pull(#"{"batch":2,"no_wait":true,"expires":500000000}"#) == [])
        story.stream.publish("p.1")
        #expect(try story.deliver() == ["4 #4 x1 left 0", "_I.3 404 No Messages"])
        #expect(try story.pull(#"{"batch":2,"no_wait":true}"#) == ["_I.4 404 No Messages"])
    }

    @Test func `a waiting request hears heartbeats, then that its time is over`() throws {
        var story = try ConsumerStory(#"{"durable_name":"x","ack_policy":"explicit"}"#)
        story.stream.publish("p.1")
        #expect(
            try story.pull(#"{"batch":5,"expires":1000000000,"idle_heartbeat":250000000}"#) == [
                "1 #1 x1 left 0"
            ])
        #expect(story.consumer.nextDeadline(now: story.now) == seconds(0.25))
        #expect(try story.wait(0.25) == ["_I.1 100 Idle Heartbeat 1 1"])
        #expect(try story.wait(0.2) == [])
        #expect(try story.wait(0.05) == ["_I.1 100 Idle Heartbeat 1 1"])
        #expect(try story.wait(0.5) == ["_I.1 408 Request Timeout 4 0"])
    }

    @Test func `bytes run out message by message, acks' subjects included`() throws {
        // Times of 19 digits, as in this century.
        var stream = StreamStory("P", subjects: ["p.>"])
        stream.now = Timestamp(nanoseconds: 1_795_383_747_695_933_378)
        for index in 0..<10 {
            stream.publish("p.\(index % 3)", index % 2 == 1 ? [("H", "\(index)")] : [], payload: 2)
        }
        var story = try ConsumerStory(
            stream: stream, #"{"durable_name":"x","ack_policy":"explicit"}"#)
        #expect(
            try story.pull(#"{"batch":5,"max_bytes":20}"#) == [
                "_I.1 409 Message Size Exceeds MaxBytes 5 20"
            ])
        #expect(
            try story.pull(#"{"batch":5,"max_bytes":200}"#) == [
                "1 #1 x1 left 9", "2 #2 x1 left 8", "3 #3 x1 left 7",
                "_I.2 409 Message Size Exceeds MaxBytes 2 50",
            ])
        #expect(
            try story.pull(#"{"batch":2,"max_bytes":2000}"#)
                == ["4 #4 x1 left 6", "5 #5 x1 left 5", "_I.3 409 Batch Completed 0 1894"])
    }

    @Test func `requests beyond the consumer's limits are refused`() throws {
        var story = try ConsumerStory(
            stream: ten(),
            #"{"durable_name":"x","ack_policy":"explicit","max_waiting":1,"max_batch":2,"max_expires":1000000000,"max_bytes":100,"max_ack_pending":2}"#
        )
        #expect(try story.pull("3") == ["_I.1 409 Exceeded MaxRequestBatch of 2"])
        #expect(
            try story.pull(#"{"expires":5000000000}"#) == [
                "_I.2 409 Exceeded MaxRequestExpires of 1s"
            ])
        #expect(
            try story.pull(#"{"max_bytes":500}"#) == ["_I.3 409 Exceeded MaxRequestMaxBytes of 100"]
        )
        #expect(try story.pull("2") == ["1 #1 x1 left 9", "2 #2 x1 left 8"])
        #expect(try story.pull(#"{"batch":2,"expires":1000000000}"#) == [])
        #expect(try story.pull("1") == ["_I.6 409 Exceeded MaxWaiting"])
        #expect(try story.pull(#"{"expires":1000000000,"idle_heartbeat":200000000}"#) == [])
        #expect(try story.ack(1) == ["settled 1"])
        #expect(try story.deliver() == ["3 #3 x1 left 7"])
    }

    @Test func `a message delivered too often is given up`() throws {
        var story = try ConsumerStory(
            stream: ten(),
            #"{"durable_name":"x","ack_policy":"explicit","max_deliver":2,"ack_wait":200000000,"filter_subject":"p.0"}"#
        )
        #expect(try story.pull("2") == ["1 #1 x1 left 3", "4 #2 x1 left 2"])
        #expect(try story.wait(0.3) == [])
        #expect(
            try story.pull("5") == [
                "1 #3 x2 left 2", "4 #4 x2 left 2", "7 #5 x1 left 1", "10 #6 x1 left 0",
            ])
        #expect(try story.wait(0.3) == ["max deliveries 1 x2", "max deliveries 4 x2"])
        #expect(try story.ack(7, "-NAK") == ["refused 7 x1"])
        #expect(try story.deliver() == ["7 #7 x2 left 0"])
        #expect(try story.ack(7, "-NAK") == ["refused 7 x2", "max deliveries 7 x2"])
        #expect(story.consumer.ackPendingCount == 1)
    }

    @Test func `ack all settles everything before`() throws {
        var story = try ConsumerStory(stream: ten(), #"{"durable_name":"x","ack_policy":"all"}"#)
        _ = try story.pull("5")
        #expect(try story.ack(3) == ["settled 1", "settled 2", "settled 3"])
        #expect(story.summary == "delivered 5/5 floor 3/3 acks 2 again 0 waiting 0 left 5")
    }

    @Test func `without acks delivery is all there is`() throws {
        var story = try ConsumerStory(stream: ten(), #"{"durable_name":"x"}"#)
        #expect(
            try story.pull("2") == ["1 #1 x1 left 9", "settled 1", "2 #2 x1 left 8", "settled 2"])
        #expect(story.summary == "delivered 2/2 floor 2/2 acks 0 again 0 waiting 0 left 8")
    }

    @Test(arguments: [
        (#""deliver_policy":"last""#, 10, 1), (#""deliver_policy":"new""#, 11, 0),
        (#""deliver_policy":"by_start_sequence","opt_start_seq":4"#, 4, 7),
        (#""deliver_policy":"last","filter_subject":"p.1""#, 8, 1),
        (#""deliver_policy":"by_start_sequence","opt_start_seq":4,"filter_subject":"p.1""#, 5, 2),
        (#""deliver_policy":"last_per_subject","filter_subject":"p.>""#, 8, 3),
        (#""filter_subjects":["p.1","p.2"]"#, 2, 6),
    ])
    func `a deliver policy decides where to begin`(
        _ policy: String, _ first: UInt64, _ count: UInt64
    ) throws {
        var story = try ConsumerStory(stream: ten(), "{" + policy + "}")
        #expect(
            story.consumer.info(stream: story.stream.machine, now: story.now).pendingCount == count)
        story.stream.publish("p.1")
        let lines = try story.pull("1")
        #expect(lines.first?.hasPrefix("\(first) #1 x1") == true)
    }

    @Test
    func `last per subject delivers each last message, passes over what is replaced, then goes on`()
        throws
    {
        var stream = ten()
        var config = stream.machine.config
        config.maxMessagesPerSubject = 1
        stream.machine.apply(config)
        var story = try ConsumerStory(
            stream: stream, #"{"deliver_policy":"last_per_subject","filter_subject":"p.>"}"#)
        #expect(story.summary == "delivered 0/7 floor 0/7 acks 0 again 0 waiting 0 left 3")
        #expect(try story.pull("1") == ["8 #1 x1 left 2", "settled 8"])
        story.stream.publish("p.2")
        #expect(story.summary == "delivered 1/8 floor 1/8 acks 0 again 0 waiting 0 left 2")
        #expect(
            try story.pull("5") == [
                "10 #2 x1 left 1", "settled 10", "11 #3 x1 left 0", "settled 11",
            ])
    }

    @Test func `requests take turns, a message each`() throws {
        var story = try ConsumerStory(#"{"durable_name":"x"}"#)
        _ = try story.pull(#"{"batch":2,"expires":9000000000}"#)
        _ = try story.pull(#"{"batch":2,"expires":9000000000}"#)
        for _ in 0..<4 { story.stream.publish("p.1") }
        var inboxes: [String] = []
        while let next = story.consumer.nextDelivery(
            now: story.now, readableUpTo: StreamSequence(.max), stream: story.stream.machine)
        {
            inboxes.append(String(decoding: next.inbox, as: UTF8.self))
            story.consumer.sent(next, now: story.now)
        }
        #expect(inboxes == ["_I.1", "_I.2", "_I.1", "_I.2"])
        #expect(story.consumer.waitingCount == 0)
    }

    @Test func `nothing is delivered before it may be read, nor while paused`() throws {
        var story = try ConsumerStory(
            stream: ten(), #"{"durable_name":"x","pause_until":"1970-01-01T00:00:05Z"}"#)
        #expect(try story.pull(#"{"batch":2,"no_wait":true}"#) == ["_I.1 404 No Messages"])
        #expect(try story.pull(#"{"batch":2,"expires":90000000000}"#) == [])
        #expect(story.consumer.nextDeadline(now: story.now) == seconds(5))
        #expect(try story.wait(5) == [])
        #expect(try story.deliver(upTo: 0) == [])
        #expect(try story.deliver(upTo: 1) == ["1 #1 x1 left 9", "settled 1"])
    }

    @Test func `a request nobody listens to is dropped and its message goes to the next`() throws {
        var story = try ConsumerStory(stream: ten(), #"{"durable_name":"x"}"#)
        story.consumer.request(
            PullRequest(), inbox: Array("_I.gone".utf8), now: story.now,
            stream: story.stream.machine)
        let next = story.consumer.nextDelivery(
            now: story.now, readableUpTo: StreamSequence(.max), stream: story.stream.machine)
        story.consumer.undeliverable(try #require(next), now: story.now)
        #expect(try story.pull() == ["1 #1 x1 left 9", "settled 1"])
    }

    @Test func `after a crash what was not acked comes again, counted`() throws {
        var story = try ConsumerStory(
            stream: ten(), #"{"durable_name":"x","ack_policy":"explicit","ack_wait":1000000000}"#)
        _ = try story.pull("3")
        #expect(try story.ack(2) == ["settled 2"])
        story.crash()
        #expect(story.summary == "delivered 3/3 floor 0/0 acks 2 again 0 waiting 0 left 7")
        #expect(try story.wait(1) == [])
        #expect(try story.pull("3") == ["1 #4 x2 left 7", "3 #5 x2 left 7", "4 #6 x1 left 6"])
    }

    @Test func `purged messages need no ack`() throws {
        var story = try ConsumerStory(
            stream: ten(), #"{"durable_name":"x","ack_policy":"explicit","max_ack_pending":2}"#)
        _ = try story.pull("2")
        _ = story.stream.purge(#"{"seq":9}"#)
        story.consumer.streamShrank(story.stream.machine, now: story.now)
        #expect(story.summary == "delivered 2/2 floor 0/0 acks 0 again 0 waiting 0 left 2")
        #expect(try story.pull("2") == ["9 #3 x1 left 1", "10 #4 x1 left 0"])
    }

    @Test func `backoff sets the wait of each attempt`() throws {
        var story = try ConsumerStory(
            stream: ten(),
            #"{"durable_name":"x","ack_policy":"explicit","backoff":[1000000000,3000000000],"filter_subject":"p.1"}"#
        )
        #expect(try story.pull("1") == ["2 #1 x1 left 2"])
        #expect(story.consumer.nextDeadline(now: story.now) == seconds(1))
        #expect(try story.wait(1) == [])
        #expect(try story.pull("1") == ["2 #2 x2 left 2"])
        #expect(story.consumer.nextDeadline(now: story.now) == seconds(4))
        #expect(try story.wait(3) == [])
        #expect(try story.pull("1") == ["2 #3 x3 left 2"])
        #expect(story.consumer.nextDeadline(now: story.now) == seconds(7))
    }

    @Test func `an ephemeral consumer is over when nobody asks for a while`() throws {
        var story = try ConsumerStory(stream: ten(), "{}")
        #expect(story.consumer.inactiveDeadline == seconds(5))
        _ = try story.wait(3)
        _ = try story.pull(#"{"batch":99,"expires":9000000000}"#)
        #expect(story.consumer.inactiveDeadline == nil)
        _ = try story.wait(9)
        #expect(story.consumer.inactiveDeadline == seconds(17))
    }

    @Test func `a reset starts over`() throws {
        var story = try ConsumerStory(
            stream: ten(), #"{"durable_name":"x","ack_policy":"explicit"}"#)
        _ = try story.pull("4")
        _ = try story.ack(1)
        #expect(story.consumer.reset(to: nil, now: story.now).value == 2)
        #expect(try story.pull("1") == ["2 #1 x1 left 8"])
        #expect(story.consumer.reset(to: StreamSequence(9), now: story.now).value == 9)
        #expect(try story.pull("2") == ["9 #1 x1 left 1", "10 #2 x1 left 0"])
    }
}
