"""Core NATS, byte by byte. Every test runs against Duolog and against nats-server."""

import json

import pytest

from harness.nats_wire import header_block

UNKNOWN_OPERATION = "-ERR 'Unknown Protocol Operation'\r\n"
MAX_PAYLOAD = 1024 * 1024


class TestInfo:
    def test_it_is_the_first_thing_sent(self, wire):
        client = wire(connect=False)
        assert client.info_line.startswith(b"INFO {")
        assert client.info_line.endswith(b"} \r\n")

    def test_it_has_the_fields_that_clients_read(self, wire, nats_server):
        info = wire(connect=False).info
        assert len(info["server_id"]) == 56 and info["server_id"].startswith("N")
        assert info["server_name"]
        assert info["proto"] == 1
        assert info["headers"] is True
        assert info["jetstream"] is True
        assert info["max_payload"] == MAX_PAYLOAD
        assert info["host"] == "127.0.0.1"
        assert info["port"] == nats_server.nats_port
        assert info["client_ip"] == "127.0.0.1"
        assert isinstance(info["client_id"], int)
        assert isinstance(info["version"], str) and isinstance(info["go"], str)
        assert not info.get("auth_required") and not info.get("tls_required")

    def test_each_connection_has_an_id_of_its_own(self, wire):
        assert wire(connect=False).info["client_id"] != wire(connect=False).info["client_id"]

    def test_a_client_of_protocol_1_gets_it_again_after_the_first_pong(self, wire):
        client = wire(protocol=1)
        assert client.later_info["connect_info"] is True
        client.expect_nothing_more()

    def test_a_client_of_protocol_0_gets_it_once(self, wire):
        wire(protocol=0).expect_nothing_more()


class TestFraming:
    @pytest.mark.parametrize("ping", ["PING\r\n", "ping\r\n", "PiNg\r\n", "PING\n", "PING and more\r\n"])
    def test_ping_is_answered_in_any_case_and_line_end(self, wire, ping):
        wire().send(ping).expect("PONG\r\n")

    def test_verbs_may_have_any_case(self, wire, name):
        client = wire().send(f"sUb {name} 1\r\npub {name} 2\r\nhi\r\n")
        client.expect(f"MSG {name} 1 2\r\nhi\r\n").expect_nothing_more()

    def test_arguments_are_split_on_runs_of_spaces_and_tabs(self, wire, name):
        client = wire().send(f"SUB \t {name}  \t1\r\nPUB\t\t{name}   2 \r\nhi\r\n")
        client.expect(f"MSG {name} 1 2\r\nhi\r\n").expect_nothing_more()

    def test_a_control_line_may_end_in_a_bare_line_feed(self, wire, name):
        client = wire().send(f"SUB {name} 1\nPUB {name} 2\nhi\r\n")
        client.expect(f"MSG {name} 1 2\r\nhi\r\n").expect_nothing_more()

    def test_a_message_may_come_in_single_bytes(self, wire, name):
        client = wire()
        for byte in f"SUB {name} 1\r\nPUB {name} reply.{name} 5\r\nhello\r\nPING\r\n".encode():
            client.send(bytes([byte]))
        client.expect(f"MSG {name} 1 reply.{name} 5\r\nhello\r\nPONG\r\n")

    def test_many_messages_may_come_in_one_segment(self, wire, name):
        count = 2000
        client = wire().send(f"SUB {name} 1\r\n" + f"PUB {name} 2\r\nhi\r\n" * count)
        client.expect(f"MSG {name} 1 2\r\nhi\r\n" * count).expect_nothing_more()

    @pytest.mark.parametrize("payload", ["hixx", "hi\n\n", "hi\rx", "h\r\n"])
    def test_a_payload_must_end_in_carriage_return_and_line_feed(self, wire, name, payload):
        wire().send(f"PUB {name} 2\r\n{payload}\r\n").expect_closed(UNKNOWN_OPERATION)

    @pytest.mark.parametrize(
        "line", ["\r\n", "HELLO\r\n", "PUB\r\n", "SUB\r\n", "UNSUB\r\n", "HPUB\r\n", "X\r\n", "PUBX a 1\r\n", "RS+ a\r\n", "LS+ a\r\n", "A+ a\r\n",
                 "MSG a 1 2\r\nhi\r\n", "HMSG a 1 2 2\r\n", "\0\0\0\0\r\n", "GET / HTTP/1.1\r\n\r\n"])
    def test_an_unknown_verb_closes_the_connection(self, wire, line):
        wire().send(line).expect_closed(UNKNOWN_OPERATION)

    @pytest.mark.parametrize("line", ["+OK\r\n", "INFO {}\r\n", "PONG\r\n"])
    def test_what_a_server_may_say_is_ignored(self, wire, line):
        wire().send(line).expect_nothing_more()

    def test_an_error_from_the_client_closes_without_an_answer(self, wire):
        wire().send("-ERR 'no'\r\n").expect_closed()

    @pytest.mark.parametrize(
        "line", ["PUB a\r\n", "PUB a b c 1\r\n", "PUB a x\r\n", "PUB a -1\r\n", "PUB a 1x\r\nh\r\n",
                 "PUB \r\n", "SUB a\r\n", "SUB a b c d\r\n", "SUB \r\n", "UNSUB \r\n",
                 "UNSUB 1 2 3\r\n", "PUB a 9999999999\r\n"])
    def test_bad_arguments_close_without_an_answer(self, wire, line):
        wire().send(line).expect_closed()

    @pytest.mark.parametrize(
        "line", ["HPUB a 3\r\n", "HPUB a 12 10\r\n", "HPUB a -1 10\r\n", "HPUB a x 10\r\n", "HPUB \r\n",
                 "HPUB a b c 12 12\r\n"])
    def test_bad_arguments_of_a_message_with_headers_close_without_an_answer(self, wire, line):
        wire(headers=True).send(line).expect_closed()


class TestLimits:
    def test_a_control_line_may_have_4096_bytes_of_arguments(self, wire):
        subject = "s" * 4088
        client = wire().send(f"SUB {'s' * 4088} 1\r\nPUB {subject} 2\r\nhi\r\n")
        client.expect(f"MSG {subject} 1 2\r\nhi\r\n").expect_nothing_more()

    @pytest.mark.parametrize("verb", ["PUB", "SUB", "UNSUB", "CONNECT"])
    def test_a_longer_control_line_closes_the_connection(self, wire, verb):
        client = wire().send(f"{verb} {'s' * 4200} 1\r\n")
        client.expect_closed("-ERR 'maximum control line exceeded'\r\n")

    def test_a_control_line_that_never_ends_closes_the_connection(self, wire):
        wire().send("PUB " + "s" * 5000).expect_closed("-ERR 'maximum control line exceeded'\r\n")

    def test_a_payload_may_be_as_long_as_info_says(self, wire, name):
        payload = b"x" * MAX_PAYLOAD
        client = wire().send(f"SUB {name} 1\r\n").publish(name, payload)
        assert client.message()[4] == payload
        client.expect_nothing_more()

    def test_a_longer_payload_closes_the_connection(self, wire, name):
        client = wire().send(f"PUB {name} {MAX_PAYLOAD + 1}\r\n")
        client.expect_closed("-ERR 'Maximum Payload Violation'\r\n")

    def test_headers_count_as_payload(self, wire, name):
        client = wire(headers=True).send(f"HPUB {name} 12 {MAX_PAYLOAD + 1}\r\n")
        client.expect_closed("-ERR 'Maximum Payload Violation'\r\n")

    def test_others_do_not_notice_a_connection_that_was_closed(self, wire, name):
        witness = wire().send(f"SUB {name} 1\r\n").expect_nothing_more()
        wire().send(f"PUB {name} {MAX_PAYLOAD + 1}\r\n").expect_closed(
            "-ERR 'Maximum Payload Violation'\r\n")
        wire().send(f"PUB {name} 2\r\nhi\r\n").expect_nothing_more()
        witness.expect(f"MSG {name} 1 2\r\nhi\r\n")


class TestConnect:
    def test_an_empty_one_makes_a_verbose_client(self, wire, name):
        client = wire(connect=False).send(
            f"CONNECT {{}}\r\nSUB {name} 1\r\nPUB {name} 2\r\nhi\r\nUNSUB 1\r\nPING\r\n")
        client.expect(f"+OK\r\n+OK\r\n+OK\r\nMSG {name} 1 2\r\nhi\r\n+OK\r\nPONG\r\n")

    def test_an_empty_one_makes_a_pedantic_client(self, wire, name):
        client = wire(connect=False).send(f"CONNECT {{\"verbose\":false}}\r\nPUB {name}.* 2\r\nhi\r\n")
        client.expect("-ERR 'Invalid Publish Subject'\r\n").expect_nothing_more()

    def test_a_client_may_do_without(self, wire, name):
        client = wire(connect=False).send(f"SUB {name} 1\r\nPUB {name} 2\r\nhi\r\nPING\r\n")
        client.expect(f"+OK\r\n+OK\r\nMSG {name} 1 2\r\nhi\r\nPONG\r\n")

    def test_unknown_fields_are_ignored(self, wire):
        wire(strange={"a": [1, 2.5, None]}, verbose=True).expect_nothing_more()

    @pytest.mark.parametrize(
        "json_text", ["{", "{\"verbose\":1}", "nonsense", "{\"protocol\":\"one\"}", "[]", "{\"name\":4}"])
    def test_bad_json_closes_without_an_answer(self, wire, json_text):
        wire(connect=False).send(f"CONNECT {json_text}\r\n").expect_closed()

    @pytest.mark.parametrize("protocol", [2, -1, 77])
    def test_an_unknown_protocol_closes_the_connection(self, wire, protocol):
        client = wire(connect=False).send(f"CONNECT {{\"protocol\":{protocol}}}\r\n")
        client.expect_closed("-ERR 'invalid client protocol'\r\n")

    def test_no_responders_needs_headers(self, wire):
        client = wire(connect=False).send("CONNECT {\"no_responders\":true}\r\n")
        client.expect_closed("-ERR 'no responders requires headers support'\r\n")

    def test_naming_an_account_is_refused(self, wire):
        client = wire(connect=False).send("CONNECT {\"account\":\"A\"}\r\n")
        client.expect_closed("-ERR 'Authorization Violation'\r\n")

    def test_a_second_one_drops_all_subscriptions(self, wire, name):
        client = wire().send(f"SUB {name} 1\r\n").connect().send(f"PUB {name} 2\r\nhi\r\n")
        client.expect_nothing_more()

    def test_with_echo_off_a_client_does_not_hear_itself(self, wire, name):
        other = wire().send(f"SUB {name} 7\r\n").expect_nothing_more()
        client = wire(echo=False).send(f"SUB {name} 1\r\nPUB {name} 2\r\nhi\r\n")
        client.expect_nothing_more()
        other.expect(f"MSG {name} 7 2\r\nhi\r\n")


class TestSubscriptions:
    def test_a_message_has_subject_sid_reply_and_length(self, wire, name):
        client = wire().send(f"SUB {name} some-sid\r\nPUB {name} back.to.me 3\r\nabc\r\n")
        client.expect(f"MSG {name} some-sid back.to.me 3\r\nabc\r\n").expect_nothing_more()

    def test_an_empty_payload_is_a_message(self, wire, name):
        wire().send(f"SUB {name} 1\r\nPUB {name} 0\r\n\r\n").expect(f"MSG {name} 1 0\r\n\r\n")

    def test_a_payload_may_hold_any_bytes(self, wire, name):
        payload = bytes(range(256)) + b"\r\nPING\r\n"
        client = wire().send(f"SUB {name} 1\r\n").publish(name, payload)
        assert client.message()[4] == payload
        client.expect_nothing_more()

    def test_two_subscriptions_of_a_connection_get_a_message_each(self, wire, name):
        client = wire().send(f"SUB {name} 1\r\nSUB {name} 2\r\nPUB {name} 1\r\nx\r\n")
        assert sorted([client.message()[1], client.message()[1]]) == ["1", "2"]
        client.expect_nothing_more()

    def test_a_sid_in_use_keeps_its_first_subscription(self, wire, name):
        client = wire().send(f"SUB {name}.a 1\r\nSUB {name}.b 1\r\nPUB {name}.b 1\r\nb\r\n")
        client.send(f"PUB {name}.a 1\r\na\r\n").expect(f"MSG {name}.a 1 1\r\na\r\n")
        client.expect_nothing_more()

    def test_unsub_ends_a_subscription(self, wire, name):
        client = wire().send(f"SUB {name} 1\r\nUNSUB 1\r\nPUB {name} 1\r\nx\r\n")
        client.expect_nothing_more()

    def test_an_unknown_sid_is_ignored_by_unsub(self, wire):
        wire().send("UNSUB 99\r\n").expect_nothing_more()

    def test_unsub_with_a_maximum_ends_after_that_many(self, wire, name):
        client = wire().send(f"SUB {name} 1\r\nUNSUB 1 2\r\n" + f"PUB {name} 1\r\nx\r\n" * 3)
        client.expect(f"MSG {name} 1 1\r\nx\r\n" * 2).expect_nothing_more()

    def test_unsub_counts_from_the_start_of_the_subscription(self, wire, name):
        publish = f"PUB {name} 1\r\nx\r\n"
        client = wire().send(f"SUB {name} 1\r\n{publish * 2}UNSUB 1 3\r\n{publish * 2}")
        client.expect(f"MSG {name} 1 1\r\nx\r\n" * 3).expect_nothing_more()

    def test_unsub_with_a_maximum_already_reached_ends_at_once(self, wire, name):
        publish = f"PUB {name} 1\r\nx\r\n"
        client = wire().send(f"SUB {name} 1\r\n{publish * 2}UNSUB 1 1\r\n{publish}")
        client.expect(f"MSG {name} 1 1\r\nx\r\n" * 2).expect_nothing_more()

    def test_after_an_auto_unsub_the_sid_is_free_again(self, wire, name):
        client = wire().send(f"SUB {name} 1\r\nUNSUB 1 1\r\nPUB {name} 1\r\nx\r\n")
        client.expect(f"MSG {name} 1 1\r\nx\r\n").send(f"SUB {name} 1\r\nPUB {name} 1\r\ny\r\n")
        client.expect(f"MSG {name} 1 1\r\ny\r\n").expect_nothing_more()

    def test_a_subscription_ends_with_its_connection(self, wire, name):
        gone = wire().send(f"SUB {name} q 1\r\n").expect_nothing_more()
        gone.close()
        stays = wire().send(f"SUB {name} q 1\r\n").expect_nothing_more()
        wire().send(f"PUB {name} 1\r\nx\r\n" * 20).expect_nothing_more()
        stays.expect(f"MSG {name} 1 1\r\nx\r\n" * 20)

    def test_messages_of_a_publisher_keep_their_order(self, wire, name):
        receiver = wire().send(f"SUB {name} 1\r\n").expect_nothing_more()
        sender = wire()
        for number in range(1000):
            sender.publish(name, str(number))
        assert [receiver.message()[4] for _ in range(1000)] == [b"%d" % n for n in range(1000)]

    @pytest.mark.parametrize("subject", ["{}..a", ".{}", "{}.", "{}.>.a", "{}.>.>"])
    def test_an_illegal_subject_is_answered_with_an_error(self, wire, name, subject):
        client = wire().send(f"SUB {subject.format(name)} 1\r\n")
        client.expect("-ERR 'Invalid Subject'\r\n").expect_nothing_more()


class TestSubjects:
    @pytest.mark.parametrize("filter, subject, matches", [
        ("{}.a", "{}.a", True), ("{}.a", "{}.A", False), ("{}.a", "{}.a.b", False), ("{}.a", "{}", False),
        ("{}.*", "{}.a", True), ("{}.*", "{}", False), ("{}.*", "{}.a.b", False),
        ("{}.*.c", "{}.b.c", True), ("{}.*.c", "{}.b.d", False), ("*.{}", "x.{}", True),
        ("{}.>", "{}.a", True), ("{}.>", "{}.a.b.c.d", True), ("{}.>", "{}", False),
        ("{}.*.>", "{}.a", False), ("{}.*.>", "{}.a.b", True), ("{}.*.*", "{}.a.b", True),
        ("{}.a*", "{}.ab", False), ("{}.a*", "{}.a*", True), ("{}.a>", "{}.a>", True),
        ("{}.*", "{}.*", True), ("{}.>", "{}.>", True), ("{}.a", "{}.*", False),
        ("{}.>", "{}..a", False), ("{}.>", "{}.a.", False), ("{}.é", "{}.é", True),
    ])
    def test_matching(self, wire, name, filter, subject, matches):
        filter, subject = filter.format(name), subject.format(name)
        client = wire().send(f"SUB {filter} 1\r\nPUB {subject} 2\r\nhi\r\n")
        if matches:
            client.expect(f"MSG {subject} 1 2\r\nhi\r\n")
        client.expect_nothing_more()

    def test_the_catch_all_sees_everything(self, wire, name):
        client = wire().send(f"SUB > 1\r\nPUB {name}.a.b 2\r\nhi\r\nUNSUB 1\r\n")
        while client.message()[0] != f"{name}.a.b":
            pass

    def test_overlapping_subscriptions_each_get_the_message(self, wire, name):
        filters = [f"{name}.a.b", f"{name}.*.b", f"{name}.a.*", f"{name}.>", f"{name}.*.*"]
        client = wire()
        for sid, filter in enumerate(filters):
            client.send(f"SUB {filter} {sid}\r\n")
        client.publish(f"{name}.a.b", "x")
        assert sorted(client.message()[1] for _ in filters) == ["0", "1", "2", "3", "4"]
        client.expect_nothing_more()

    def test_a_change_of_interest_is_seen_by_the_next_message(self, wire, name):
        sender, receiver = wire(), wire()
        for _ in range(50):
            receiver.send(f"SUB {name}.* 1\r\n").expect_nothing_more()
            sender.send(f"PUB {name}.a 1\r\nx\r\n").expect_nothing_more()
            receiver.expect(f"MSG {name}.a 1 1\r\nx\r\n")
            receiver.send("UNSUB 1\r\n").expect_nothing_more()
            sender.send(f"PUB {name}.a 1\r\ny\r\n").expect_nothing_more()
        receiver.expect_nothing_more()

    def test_a_pedantic_client_is_told_of_a_wildcard_but_the_message_goes_out(self, wire, name):
        client = wire(pedantic=True).send(f"SUB {name}.* 1\r\nPUB {name}.* 2\r\nhi\r\n")
        answers = client.take(len(f"-ERR 'Invalid Publish Subject'\r\nMSG {name}.* 1 2\r\nhi\r\n"))
        assert b"-ERR 'Invalid Publish Subject'\r\n" in answers
        assert f"MSG {name}.* 1 2\r\nhi\r\n".encode() in answers
        client.expect_nothing_more()


class TestQueueGroups:
    def test_one_member_gets_each_message(self, wire, name):
        members = [wire().send(f"SUB {name} workers 1\r\n").expect_nothing_more() for _ in range(3)]
        wire().send(f"PUB {name} 1\r\nx\r\n" * 300).expect_nothing_more()
        counts = []
        for member in members:
            member.send("PING\r\n")
            count = 0
            while (line := member.line()) != b"PONG\r\n":
                assert line == f"MSG {name} 1 1\r\n".encode() and member.take(3) == b"x\r\n"
                count += 1
            counts.append(count)
        assert sum(counts) == 300
        assert min(counts) > 30, "the members share the work"

    def test_each_group_and_each_plain_subscription_gets_the_message(self, wire, name):
        client = wire().send(
            f"SUB {name} q1 1\r\nSUB {name} q1 2\r\nSUB {name} q2 3\r\nSUB {name} 4\r\nPUB {name} 1\r\nx\r\n")
        sids = sorted(client.message()[1] for _ in range(3))
        assert sids in (["1", "3", "4"], ["2", "3", "4"])
        client.expect_nothing_more()

    def test_members_on_different_subjects_are_one_group(self, wire, name):
        client = wire().send(f"SUB {name}.* q 1\r\nSUB {name}.a q 2\r\n")
        client.send(f"PUB {name}.a 1\r\nx\r\n" * 50)
        assert {client.message()[1] for _ in range(50)} <= {"1", "2"}
        client.expect_nothing_more()

    def test_a_member_whose_maximum_is_reached_is_passed_over(self, wire, name):
        client = wire().send(f"SUB {name} q 1\r\nUNSUB 1 1\r\nSUB {name} q 2\r\n")
        client.send(f"PUB {name} 1\r\nx\r\n" * 40)
        sids = [client.message()[1] for _ in range(40)]
        assert sids.count("1") <= 1
        client.expect_nothing_more()

    def test_a_member_that_would_hear_itself_is_passed_over(self, wire, name):
        client = wire(echo=False).send(f"SUB {name} q 1\r\n").expect_nothing_more()
        other = wire().send(f"SUB {name} q 2\r\n").expect_nothing_more()
        client.send(f"PUB {name} 1\r\nx\r\n" * 20).expect_nothing_more()
        other.expect(f"MSG {name} 2 1\r\nx\r\n" * 20)


class TestHeaders:
    def test_a_message_with_headers_arrives_byte_for_byte(self, wire, name):
        headers = b"NATS/1.0\r\nA: 1\r\nB:2\r\nA:  3 \r\n\r\n"
        client = wire(headers=True).send(f"SUB {name} 1\r\n")
        client.publish(name, "hi", reply="r.1", headers=headers)
        size = len(headers)
        client.expect(f"HMSG {name} 1 r.1 {size} {size + 2}\r\n".encode() + headers + b"hi\r\n")
        client.expect_nothing_more()

    def test_the_block_is_not_looked_into(self, wire, name):
        headers = b"\xff\x00 not a header \r\n block at all"
        client = wire(headers=True).send(f"SUB {name} 1\r\n").publish(name, "", headers=headers)
        assert client.message()[3] == headers

    def test_a_client_without_headers_gets_the_payload_alone(self, wire, name):
        plain = wire().send(f"SUB {name} 1\r\n").expect_nothing_more()
        wire(headers=True).publish(name, "hi", headers=header_block("A: 1")).expect_nothing_more()
        plain.expect(f"MSG {name} 1 2\r\nhi\r\n").expect_nothing_more()

    def test_a_message_without_headers_stays_a_plain_one(self, wire, name):
        client = wire(headers=True).send(f"SUB {name} 1\r\nPUB {name} 2\r\nhi\r\n")
        client.expect(f"MSG {name} 1 2\r\nhi\r\n")

    def test_hpub_needs_headers_in_connect(self, wire, name):
        wire(headers=False).publish(name, "", headers=header_block("A: 1")).expect_closed()


class TestNoResponders:
    def test_a_request_that_nobody_hears_is_answered_with_503(self, wire, name):
        client = wire(headers=True, no_responders=True)
        client.send(f"SUB inbox.{name} 5\r\nPUB {name} inbox.{name} 2\r\nhi\r\n")
        headers = f"NATS/1.0 503\r\nNats-Subject: {name}\r\n\r\n"
        size = len(headers)
        client.expect(f"HMSG inbox.{name} 5 {size} {size}\r\n{headers}\r\n").expect_nothing_more()

    def test_a_wildcard_inbox_gets_it_too(self, wire, name):
        client = wire(headers=True, no_responders=True)
        client.send(f"SUB inbox.{name}.* 5\r\nPUB {name} inbox.{name}.1 2\r\nhi\r\n")
        subject, sid, reply, headers, payload = client.message()
        assert (subject, sid, reply, payload) == (f"inbox.{name}.1", "5", None, b"")
        assert headers.startswith(b"NATS/1.0 503\r\n")

    def test_it_has_to_be_asked_for(self, wire, name):
        client = wire(headers=True)
        client.send(f"SUB inbox.{name} 5\r\nPUB {name} inbox.{name} 2\r\nhi\r\n").expect_nothing_more()

    def test_a_message_without_reply_gets_none(self, wire, name):
        wire(headers=True, no_responders=True).send(f"PUB {name} 2\r\nhi\r\n").expect_nothing_more()

    def test_a_request_that_is_heard_gets_none(self, wire, name):
        listener = wire().send(f"SUB {name} 1\r\n").expect_nothing_more()
        client = wire(headers=True, no_responders=True)
        client.send(f"SUB inbox.{name} 5\r\nPUB {name} inbox.{name} 2\r\nhi\r\n").expect_nothing_more()
        listener.expect(f"MSG {name} 1 inbox.{name} 2\r\nhi\r\n")

    def test_a_listener_of_the_same_connection_counts_unless_echo_is_off(self, wire, name):
        client = wire(headers=True, no_responders=True, echo=False)
        client.send(f"SUB {name} 1\r\nSUB inbox.{name} 5\r\nPUB {name} inbox.{name} 2\r\nhi\r\n")
        assert client.message()[3].startswith(b"NATS/1.0 503\r\n")


class TestRefusedPublishes:
    @pytest.mark.parametrize("reply", ["_R_.x", "_GR_.x"])
    def test_reserved_reply_subjects_are_refused(self, wire, name, reply):
        client = wire().send(f"SUB {name} 1\r\nPUB {name} {reply} 2\r\nhi\r\n")
        client.expect(f"-ERR 'Permissions Violation for Publish with Reply of \"{reply}\"'\r\n")
        client.expect_nothing_more()

    def test_the_system_queue_name_is_refused(self, wire, name):
        client = wire().send(f"SUB {name} _sys_ 1\r\n")
        client.expect(
            f"-ERR 'Permissions Violation for Subscription to \"{name}\" using queue \"_sys_\"'\r\n")
        client.expect_nothing_more()


def test_a_verbose_client_gets_ok_before_the_error_of_no_one(wire, name):
    """+OK follows every accepted operation and nothing else."""
    client = wire(verbose=True).send(f"SUB {name}..x 1\r\nSUB {name} 1\r\nUNSUB 7\r\nPING\r\n")
    client.expect("-ERR 'Invalid Subject'\r\n+OK\r\n+OK\r\nPONG\r\n")


def test_requests_and_answers_cross_between_connections(wire, name):
    answerer = wire().send(f"SUB {name} 1\r\n").expect_nothing_more()
    asker = wire().send(f"SUB _INBOX.{name}.* 9\r\n")
    asker.publish(name, json.dumps({"n": 1}), reply=f"_INBOX.{name}.1")
    subject, _, reply, _, payload = answerer.message()
    assert (subject, reply, json.loads(payload)) == (name, f"_INBOX.{name}.1", {"n": 1})
    answerer.publish(reply, "answer")
    assert asker.message() == (f"_INBOX.{name}.1", "9", None, b"", b"answer")
