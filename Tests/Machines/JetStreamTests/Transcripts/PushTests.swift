import JetStream
import JetStreamAPI
import Model
import Testing

struct PushTests {
    @Test func `a push consumer delivers while somebody listens, and beats when it is idle`() throws
    {
        var story = try ConsumerStory(
            stream: ten(),
            #"{"durable_name":"x","deliver_subject":"d","idle_heartbeat":200000000,"ack_policy":"explicit","filter_subject":"p.1","ack_wait":1000000000}"#
        )
        #expect(try story.deliver() == [])
        story.consumer.setBound(true, now: story.now)
        #expect(try story.deliver() == ["2 #1 x1 left 2", "5 #2 x1 left 1", "8 #3 x1 left 0"])
        #expect(try story.wait(0.2) == ["d 100 Idle Heartbeat 3 8"])
        #expect(try story.wait(0.1) == [])
        #expect(story.consumer.nextDeadline(now: story.now) == seconds(0.4))
        #expect(try story.wait(0.7) == ["d 100 Idle Heartbeat 3 8"])
        #expect(try story.deliver() == ["2 #4 x2 left 0", "5 #5 x2 left 0", "8 #6 x2 left 0"])
        story.consumer.setBound(false, now: story.now)
        #expect(try story.wait(1) == [])
        #expect(try story.deliver() == [])
        #expect(try story.pull() == ["_I.1 409 Consumer is push based"])
    }

    @Test func `flow control asks at half the window and stops at the whole`() throws {
        var stream = StreamStory("P", subjects: ["p.>"])
        for _ in 0..<40 { stream.publish("p.1", payload: 100_000) }
        var story = try ConsumerStory(
            stream: stream,
            #"{"name":"x","deliver_subject":"d","idle_heartbeat":200000000,"flow_control":true}"#)
        story.consumer.setBound(true, now: story.now)
        var lines = try story.deliver().filter { !$0.hasPrefix("settled") }
        #expect(lines.count == 22)
        #expect(lines[11] == "d 100 FlowControl Request reply $JS.FC.P.x.0001")
        #expect(try story.wait(0.2) == ["d 100 Idle Heartbeat 21 21 $JS.FC.P.x.0001"])
        story.consumer.flowControlAnswered("$JS.FC.P.x.0009", now: story.now)
        #expect(try story.deliver() == [])
        story.consumer.flowControlAnswered("$JS.FC.P.x.0001", now: story.now)
        lines = try story.deliver().filter { !$0.hasPrefix("settled") }
        #expect(lines.last == "40 #40 x1 left 0")
    }

    @Test func `an ephemeral push consumer is over when nobody listens for a while`() throws {
        var story = try ConsumerStory(stream: ten(), #"{"deliver_subject":"d"}"#)
        #expect(story.consumer.inactiveDeadline == seconds(5))
        story.consumer.setBound(true, now: story.now)
        #expect(story.consumer.inactiveDeadline == nil)
        _ = try story.wait(3)
        story.consumer.setBound(false, now: story.now)
        #expect(story.consumer.inactiveDeadline == seconds(8))
    }

    @Test func `a message nobody got is not counted as delivered`() throws {
        var story = try ConsumerStory(
            stream: ten(), #"{"deliver_subject":"d","ack_policy":"explicit"}"#)
        story.consumer.setBound(true, now: story.now)
        let next = story.consumer.nextDelivery(
            now: story.now, readableUpTo: StreamSequence(.max), stream: story.stream.machine)
        story.consumer.undeliverable(try #require(next), now: story.now)
        #expect(story.summary == "delivered 0/0 floor 0/0 acks 0 again 0 waiting 0 left 10")
        #expect(!story.consumer.isBound)
    }
}
