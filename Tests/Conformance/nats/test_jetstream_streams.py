"""Streams through the raw `$JS.API`: make, change, inspect, purge, delete, and read single messages."""

import base64
import json

import pytest

from harness.nats_wire import header_block


def make(js, name, **config):
    """Creates a stream on `<name>.>` and returns the answer."""
    config = {"name": name, "subjects": [f"{name}.>"], "storage": "file", **config}
    answer = js.api(f"STREAM.CREATE.{name}", config)
    assert "error" not in answer, answer
    return answer


def fill(js, *subjects, payload=b"hello"):
    """Publishes one message to each subject and returns the sequences."""
    return [json.loads(js.request(subject, payload)[4])["seq"] for subject in subjects]


def error_of(answer):
    return (answer["error"]["code"], answer["error"]["err_code"])


class TestAccount:
    def test_info_counts_what_there_is(self, js, name):
        before = js.api("INFO")
        make(js, name)
        js.api(f"CONSUMER.DURABLE.CREATE.{name}.c", {
            "stream_name": name, "config": {"durable_name": "c", "ack_policy": "explicit"}})
        after = js.api("INFO")
        assert after["type"] == "io.nats.jetstream.api.v1.account_info_response"
        assert after["streams"] == before["streams"] + 1
        assert after["consumers"] == before["consumers"] + 1

    def test_info_says_that_nothing_is_limited(self, js):
        answer = js.api("INFO")
        assert answer["limits"]["max_streams"] == -1
        assert answer["limits"]["max_consumers"] == -1
        assert answer["limits"]["max_storage"] == -1
        assert {"memory", "storage", "api"} <= answer.keys()

    def test_info_says_which_level_of_the_api_is_spoken(self, js):
        assert js.api("INFO")["api"]["level"] >= 1


class TestCreate:
    def test_the_answer_has_the_whole_configuration(self, js, name):
        answer = make(js, name)
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_create_response"
        assert answer["did_create"] is True
        config = answer["config"]
        assert config.pop("metadata").keys() >= {"_nats.level", "_nats.ver"}
        expected = {
            "name": name, "subjects": [f"{name}.>"], "retention": "limits", "max_msgs": -1, "max_bytes": -1,
            "max_age": 0, "max_msgs_per_subject": -1, "max_msg_size": -1, "discard": "old",
            "storage": "file", "num_replicas": 1, "duplicate_window": 120_000_000_000,
            "allow_direct": False, "mirror_direct": False, "sealed": False, "deny_delete": False,
            "deny_purge": False, "allow_rollup_hdrs": False}
        assert {key: config[key] for key in expected} == expected

    def test_a_new_stream_is_empty(self, js, name):
        state = make(js, name)["state"]
        assert (state["messages"], state["bytes"], state["first_seq"], state["last_seq"]) == (0, 0, 0, 0)
        assert state["first_ts"] == state["last_ts"] == "0001-01-01T00:00:00Z"
        assert state["consumer_count"] == 0

    def test_without_subjects_it_listens_to_its_name(self, js, name):
        answer = js.api(f"STREAM.CREATE.{name}", {"name": name})
        assert answer["config"]["subjects"] == [name]
        assert fill(js, name) == [1]

    def test_the_same_again_succeeds(self, js, name):
        make(js, name, description="d")
        assert make(js, name, description="d")["config"]["description"] == "d"

    def test_something_else_under_the_same_name_is_refused(self, js, name):
        make(js, name)
        answer = js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.other"]})
        assert answer["error"] == {
            "code": 400, "err_code": 10058,
            "description": "stream name already in use with a different configuration"}
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_create_response"

    def test_the_name_must_be_that_of_the_subject(self, js, name):
        assert error_of(js.api(f"STREAM.CREATE.{name}", {"name": name + "x"})) == (400, 10056)

    def test_a_request_without_body_is_refused(self, js, name):
        assert error_of(js.api(f"STREAM.CREATE.{name}")) == (400, 10056)

    def test_an_unknown_field_is_refused(self, js, name):
        answer = js.api(f"STREAM.CREATE.{name}", {"name": name, "subjets": [name]})
        assert answer["error"] == {
            "code": 400, "err_code": 10025, "description": "invalid JSON: json: unknown field \"subjets\""}

    @pytest.mark.parametrize("body", ["{", "[]", "nonsense", '{"name": 7}', '{"name": "x", "max_msgs": "many"}'])
    def test_bad_json_is_refused(self, js, name, body):
        answer = json.loads(js.request(f"$JS.API.STREAM.CREATE.{name}", body)[4])
        assert error_of(answer) == (400, 10025)

    def test_subjects_must_not_overlap_another_stream(self, js, name):
        make(js, name)
        answer = js.api(f"STREAM.CREATE.{name}b", {"name": f"{name}b", "subjects": [f"{name}.a.*"]})
        assert error_of(answer) == (400, 10065)
        assert answer["error"]["description"] == "subjects overlap with an existing stream"

    def test_subjects_must_not_overlap_each_other(self, js, name):
        answer = js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>", f"{name}.a"]})
        assert error_of(answer) == (500, 10052)

    @pytest.mark.parametrize("subject", ["{}..a", "{}.", ".{}", "{}.>.b"])
    def test_an_illegal_subject_is_refused(self, js, name, subject):
        answer = js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [subject.format(name)]})
        assert error_of(answer) == (500, 10052)

    def test_three_replicas_need_a_cluster(self, js, name):
        answer = js.api(f"STREAM.CREATE.{name}", {"name": name, "num_replicas": 3})
        assert error_of(answer) == (500, 10074)

    @pytest.mark.parametrize("config", [
        {"retention": "forever"}, {"discard": "some"}, {"storage": "tape"}])
    def test_an_unknown_choice_is_refused(self, js, name, config):
        assert error_of(js.api(f"STREAM.CREATE.{name}", {"name": name, **config})) == (400, 10025)


class TestUpdate:
    def test_it_changes_what_may_change(self, js, name):
        make(js, name)
        answer = js.api(f"STREAM.UPDATE.{name}", {
            "name": name, "subjects": [f"{name}.>", f"other.{name}"], "description": "new", "max_msgs": 100})
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_update_response"
        assert answer["config"]["description"] == "new"
        assert answer["config"]["max_msgs"] == 100
        assert fill(js, f"other.{name}") == [1]

    def test_it_keeps_the_messages(self, js, name):
        make(js, name)
        fill(js, f"{name}.a", f"{name}.b")
        answer = js.api(f"STREAM.UPDATE.{name}", {"name": name, "subjects": [f"{name}.b"]})
        assert answer["state"]["messages"] == 2

    def test_a_missing_stream_is_not_found(self, js, name):
        assert error_of(js.api(f"STREAM.UPDATE.{name}", {"name": name})) == (404, 10059)

    def test_the_storage_stays(self, js, name):
        make(js, name)
        answer = js.api(f"STREAM.UPDATE.{name}", {
            "name": name, "subjects": [f"{name}.>"], "storage": "memory"})
        assert error_of(answer)[1] == 10052


class TestInfo:
    def test_it_counts_messages_bytes_and_subjects(self, js, name):
        make(js, name)
        fill(js, f"{name}.a", f"{name}.b", f"{name}.a")
        answer = js.api(f"STREAM.INFO.{name}")
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_info_response"
        state = answer["state"]
        assert (state["messages"], state["first_seq"], state["last_seq"]) == (3, 1, 3)
        assert state["num_subjects"] == 2
        assert state["bytes"] > 0
        assert state["first_ts"] <= state["last_ts"] and state["first_ts"].endswith("Z")
        assert answer["created"].endswith("Z") and answer["ts"].endswith("Z")

    def test_a_missing_stream_is_not_found(self, js, name):
        answer = js.api(f"STREAM.INFO.{name}")
        assert answer["error"] == {"code": 404, "err_code": 10059, "description": "stream not found"}

    def test_it_can_count_messages_by_subject(self, js, name):
        make(js, name)
        fill(js, f"{name}.a", f"{name}.b", f"{name}.a", f"{name}.c.d")
        answer = js.api(f"STREAM.INFO.{name}", {"subjects_filter": f"{name}.*"})
        assert answer["state"]["subjects"] == {f"{name}.a": 2, f"{name}.b": 1}
        assert answer["total"] == 2

    def test_it_can_list_what_was_deleted(self, js, name):
        make(js, name)
        fill(js, *[f"{name}.a"] * 5)
        for sequence in (2, 4):
            assert js.api(f"STREAM.MSG.DELETE.{name}", {"seq": sequence})["success"]
        state = js.api(f"STREAM.INFO.{name}", {"deleted_details": True})["state"]
        assert state["deleted"] == [2, 4]
        assert state["num_deleted"] == 2
        assert state["messages"] == 3


class TestNamesAndList:
    def test_names_are_sorted_and_can_be_found_by_subject(self, js, name):
        for letter in "cab":
            make(js, name + letter)
        answer = js.api("STREAM.NAMES")
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_names_response"
        assert answer["streams"] == sorted(answer["streams"])
        assert {name + letter for letter in "abc"} <= set(answer["streams"])
        assert answer["total"] == len(answer["streams"])
        assert answer["limit"] == 1024 and answer["offset"] == 0
        found = js.api("STREAM.NAMES", {"subject": f"{name}a.x"})
        assert (found["total"], found["streams"]) == (1, [f"{name}a"])

    def test_no_stream_found_is_an_empty_answer(self, js, name):
        answer = js.api("STREAM.NAMES", {"subject": f"nowhere.{name}"})
        assert answer["total"] == 0 and not answer["streams"]

    def test_names_can_be_paged(self, js, name):
        make(js, name)
        everything = js.api("STREAM.NAMES")
        rest = js.api("STREAM.NAMES", {"offset": 1})
        assert rest["streams"] == everything["streams"][1:]
        assert rest["total"] == everything["total"] and rest["offset"] == 1

    def test_list_has_the_infos(self, js, name):
        make(js, name)
        fill(js, f"{name}.a")
        answer = js.api("STREAM.LIST", {"subject": f"{name}.*"})
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_list_response"
        assert [info["config"]["name"] for info in answer["streams"]] == [name]
        assert answer["streams"][0]["state"]["messages"] == 1


class TestDelete:
    def test_it_is_gone_with_its_messages_and_subjects(self, js, name):
        make(js, name)
        fill(js, f"{name}.a")
        answer = js.api(f"STREAM.DELETE.{name}")
        assert (answer["type"], answer["success"]) == (
            "io.nats.jetstream.api.v1.stream_delete_response", True)
        assert error_of(js.api(f"STREAM.INFO.{name}")) == (404, 10059)
        assert js.request(f"{name}.a", "x")[3].startswith(b"NATS/1.0 503")

    def test_a_missing_stream_is_not_found(self, js, name):
        assert error_of(js.api(f"STREAM.DELETE.{name}")) == (404, 10059)

    def test_a_new_stream_of_the_name_starts_anew(self, js, name):
        make(js, name)
        fill(js, f"{name}.a", f"{name}.b")
        js.api(f"STREAM.DELETE.{name}")
        assert make(js, name)["state"]["messages"] == 0
        assert fill(js, f"{name}.a") == [1]


class TestPurge:
    @pytest.fixture
    def ten(self, js, name):
        """Ten messages, on `a` and `b` in turn."""
        make(js, name)
        fill(js, *[f"{name}.{'ab'[n % 2]}" for n in range(10)])
        return name

    @pytest.mark.parametrize("request_body, purged, first, messages", [
        (None, 10, 11, 0),
        ({}, 10, 11, 0),
        ({"seq": 4}, 3, 4, 7),
        ({"keep": 2}, 8, 9, 2),
        ({"filter": "{}.a"}, 5, 2, 5),
        ({"filter": "{}.a", "keep": 1}, 4, 2, 6),
        ({"filter": "{}.a", "seq": 5}, 2, 2, 8),
        ({"filter": "{}.zzz"}, 0, 1, 10),
    ])
    def test_what_is_purged(self, js, ten, request_body, purged, first, messages):
        if request_body and "filter" in request_body:
            request_body = {**request_body, "filter": request_body["filter"].format(ten)}
        answer = js.api(f"STREAM.PURGE.{ten}", request_body)
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_purge_response"
        assert (answer["success"], answer["purged"]) == (True, purged)
        state = js.api(f"STREAM.INFO.{ten}")["state"]
        assert (state["messages"], state["first_seq"], state["last_seq"]) == (messages, first, 10)

    def test_numbering_goes_on_after_a_purge(self, js, ten):
        js.api(f"STREAM.PURGE.{ten}")
        assert fill(js, f"{ten}.a") == [11]

    def test_sequence_and_keep_exclude_each_other(self, js, ten):
        assert error_of(js.api(f"STREAM.PURGE.{ten}", {"seq": 3, "keep": 2}))[0] == 400

    def test_a_missing_stream_is_not_found(self, js, name):
        assert error_of(js.api(f"STREAM.PURGE.{name}")) == (404, 10059)

    def test_a_stream_may_forbid_it(self, js, name):
        make(js, name, deny_purge=True)
        assert error_of(js.api(f"STREAM.PURGE.{name}"))[0] == 500


class TestMessageGet:
    @pytest.fixture
    def three(self, js, name):
        make(js, name)
        js.request(f"{name}.a", b"one", header_block("N: 1"))
        fill(js, f"{name}.b", payload=b"two")
        fill(js, f"{name}.a", payload=b"three")
        return name

    @pytest.mark.parametrize("request_body, sequence", [
        ({"seq": 2}, 2), ({"last_by_subj": "{}.a"}, 3), ({"last_by_subj": "{}.b"}, 2),
        ({"next_by_subj": "{}.a"}, 1), ({"next_by_subj": "{}.a", "seq": 2}, 3), ({"last_by_subj": "{}.*"}, 3),
        ({"next_by_subj": "{}.>", "seq": 2}, 2),
    ])
    def test_which_message_is_found(self, js, three, request_body, sequence):
        body = {k: v.format(three) if isinstance(v, str) else v for k, v in request_body.items()}
        answer = js.api(f"STREAM.MSG.GET.{three}", body)
        assert answer["type"] == "io.nats.jetstream.api.v1.stream_msg_get_response"
        assert answer["message"]["seq"] == sequence

    def test_all_of_a_message_comes_back(self, js, three):
        message = js.api(f"STREAM.MSG.GET.{three}", {"seq": 1})["message"]
        assert message["subject"] == f"{three}.a"
        assert base64.b64decode(message["data"]) == b"one"
        assert base64.b64decode(message["hdrs"]) == header_block("N: 1")
        assert message["time"].endswith("Z")

    def test_a_message_without_headers_has_none(self, js, three):
        assert "hdrs" not in js.api(f"STREAM.MSG.GET.{three}", {"seq": 2})["message"]

    @pytest.mark.parametrize("request_body", [
        {"seq": 4}, {"seq": 99}, {"last_by_subj": "{}.zzz"}, {"next_by_subj": "{}.b", "seq": 3}])
    def test_what_is_not_there_is_not_found(self, js, three, request_body):
        body = {k: v.format(three) if isinstance(v, str) else v for k, v in request_body.items()}
        answer = js.api(f"STREAM.MSG.GET.{three}", body)
        assert answer["error"] == {"code": 404, "err_code": 10037, "description": "no message found"}

    @pytest.mark.parametrize("request_body", [None, {}, {"seq": 1, "last_by_subj": "x"}])
    def test_a_request_must_name_one_message(self, js, three, request_body):
        assert error_of(js.api(f"STREAM.MSG.GET.{three}", request_body)) == (400, 10003)

    def test_a_missing_stream_is_not_found(self, js, name):
        assert error_of(js.api(f"STREAM.MSG.GET.{name}", {"seq": 1})) == (404, 10059)


class TestMessageDelete:
    def test_the_message_is_gone_and_numbering_stays(self, js, name):
        make(js, name)
        fill(js, *[f"{name}.a"] * 3)
        answer = js.api(f"STREAM.MSG.DELETE.{name}", {"seq": 2})
        assert (answer["type"], answer["success"]) == (
            "io.nats.jetstream.api.v1.stream_msg_delete_response", True)
        assert error_of(js.api(f"STREAM.MSG.GET.{name}", {"seq": 2})) == (404, 10037)
        assert fill(js, f"{name}.a") == [4]
        assert js.api(f"STREAM.INFO.{name}")["state"]["messages"] == 3

    def test_the_first_one_moves_the_start(self, js, name):
        make(js, name)
        fill(js, *[f"{name}.a"] * 3)
        js.api(f"STREAM.MSG.DELETE.{name}", {"seq": 2})
        js.api(f"STREAM.MSG.DELETE.{name}", {"seq": 1, "no_erase": True})
        state = js.api(f"STREAM.INFO.{name}")["state"]
        assert (state["first_seq"], state["messages"], state.get("num_deleted", 0)) == (3, 1, 0)

    def test_twice_is_an_error(self, js, name):
        make(js, name)
        fill(js, f"{name}.a", f"{name}.b")
        js.api(f"STREAM.MSG.DELETE.{name}", {"seq": 1})
        answer = js.api(f"STREAM.MSG.DELETE.{name}", {"seq": 1})
        assert error_of(answer) == (500, 10057)

    def test_a_stream_may_forbid_it(self, js, name):
        make(js, name, deny_delete=True)
        fill(js, f"{name}.a")
        assert error_of(js.api(f"STREAM.MSG.DELETE.{name}", {"seq": 1}))[0] == 500
        assert js.api(f"STREAM.INFO.{name}")["state"]["messages"] == 1


class TestDirectGet:
    @pytest.fixture
    def four(self, js, name):
        make(js, name, allow_direct=True)
        js.request(f"{name}.a", b"one", header_block("N: 1"))
        fill(js, f"{name}.b", payload=b"two")
        fill(js, f"{name}.a", payload=b"three")
        fill(js, f"{name}.c.d", payload=b"four")
        return name

    def ask(self, js, name, body, suffix=""):
        return js.request(f"$JS.API.DIRECT.GET.{name}{suffix}", json.dumps(body) if body is not None else b"")

    @pytest.mark.parametrize("body, payload", [
        ({"seq": 2}, b"two"), ({"last_by_subj": "{}.a"}, b"three"), ({"next_by_subj": "{}.a"}, b"one"),
        ({"next_by_subj": "{}.a", "seq": 2}, b"three"), ({"last_by_subj": "{}.c.>"}, b"four"),
    ])
    def test_which_message_is_found(self, js, four, body, payload):
        body = {k: v.format(four) if isinstance(v, str) else v for k, v in body.items()}
        assert self.ask(js, four, body)[4] == payload

    def test_the_subject_may_stand_in_the_request_subject(self, js, four):
        assert self.ask(js, four, None, f".{four}.a")[4] == b"three"

    def test_what_it_is_stands_in_headers_after_the_stored_ones(self, js, four):
        _, _, reply, headers, payload = self.ask(js, four, {"seq": 1})
        lines = headers.decode().split("\r\n")
        assert lines[:2] == ["NATS/1.0", "N: 1"]
        named = dict(line.split(": ", 1) for line in lines[2:] if line)
        assert named.keys() == {"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp"}
        assert (named["Nats-Stream"], named["Nats-Subject"], named["Nats-Sequence"]) == (four, f"{four}.a", "1")
        assert named["Nats-Time-Stamp"].endswith("Z")
        assert (reply, payload) == (None, b"one")

    @pytest.mark.parametrize("body", [{"seq": 99}, {"last_by_subj": "zzz"}])
    def test_what_is_not_there_is_404(self, js, four, body):
        assert self.ask(js, four, body)[3] == b"NATS/1.0 404 Message Not Found\r\n\r\n"

    @pytest.mark.parametrize("body, status", [
        (None, b"408 Empty Request"), ({}, b"408 Empty Request")])
    def test_an_empty_request_is_408(self, js, four, body, status):
        assert self.ask(js, four, body)[3] == b"NATS/1.0 " + status + b"\r\n\r\n"

    def test_bad_json_is_408(self, js, four):
        answer = js.request(f"$JS.API.DIRECT.GET.{four}", "{nonsense")
        assert answer[3].startswith(b"NATS/1.0 408 ")

    def test_a_stream_has_to_allow_it(self, js, name):
        make(js, name)
        fill(js, f"{name}.a")
        assert self.ask(js, name, {"seq": 1})[3].startswith(b"NATS/1.0 503\r\n")

    def test_a_batch_ends_with_204(self, js, four):
        inbox = f"_INBOX.{four}"
        js.send(f"SUB {inbox} b\r\n")
        js.publish(f"$JS.API.DIRECT.GET.{four}", json.dumps({"batch": 2, "seq": 1}), reply=inbox)
        assert [js.message()[4], js.message()[4]] == [b"one", b"two"]
        headers = js.message()[3].decode()
        assert headers.startswith("NATS/1.0 204 EOB\r\n")
        assert "Nats-Num-Pending: 2\r\n" in headers

    def test_the_last_of_several_subjects(self, js, four):
        inbox = f"_INBOX.{four}"
        js.send(f"SUB {inbox} b\r\n")
        body = {"multi_last": [f"{four}.a", f"{four}.b"]}
        js.publish(f"$JS.API.DIRECT.GET.{four}", json.dumps(body), reply=inbox)
        assert [js.message()[4], js.message()[4]] == [b"two", b"three"]
        assert js.message()[3].startswith(b"NATS/1.0 204 EOB\r\n")


class TestLimits:
    def test_the_oldest_messages_make_room(self, js, name):
        make(js, name, max_msgs=3)
        fill(js, *[f"{name}.a"] * 5)
        state = js.api(f"STREAM.INFO.{name}")["state"]
        assert (state["messages"], state["first_seq"], state["last_seq"]) == (3, 3, 5)

    def test_the_oldest_messages_of_a_subject_make_room(self, js, name):
        make(js, name, max_msgs_per_subject=1)
        fill(js, f"{name}.a", f"{name}.b", f"{name}.a")
        state = js.api(f"STREAM.INFO.{name}", {"subjects_filter": ">"})["state"]
        assert state["subjects"] == {f"{name}.a": 1, f"{name}.b": 1}
        assert (state["messages"], state["first_seq"]) == (2, 2)

    def test_a_full_stream_may_refuse_instead(self, js, name):
        make(js, name, max_msgs=2, discard="new")
        fill(js, f"{name}.a", f"{name}.a")
        answer = json.loads(js.request(f"{name}.a", "x")[4])
        assert error_of(answer) == (503, 10077)
        assert answer["error"]["description"] == "maximum messages exceeded"

    def test_a_message_may_be_too_large(self, js, name):
        make(js, name, max_msg_size=10)
        answer = json.loads(js.request(f"{name}.a", "x" * 11)[4])
        assert error_of(answer) == (400, 10054)
        assert fill(js, f"{name}.a", payload=b"x" * 10) == [1]

    def test_lowering_a_limit_drops_messages(self, js, name):
        make(js, name)
        fill(js, *[f"{name}.a"] * 5)
        js.api(f"STREAM.UPDATE.{name}", {"name": name, "subjects": [f"{name}.>"], "max_msgs": 2})
        assert js.api(f"STREAM.INFO.{name}")["state"]["first_seq"] == 4


def test_numbers_at_the_end_of_their_range_do_no_harm(duolog_wire, name):
    """Any client may send them; the server stays up and says what it thinks of them."""
    wire, largest = duolog_wire().connect(headers=True), (1 << 63) - 1
    for first in (1 << 64) - 1, 1 << 63, largest:
        answer = wire.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], "first_seq": first})
        assert answer["error"]["err_code"] == 10052
    wire.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], "first_seq": 1 << 62})
    for sequence in range(2):
        assert json.loads(wire.request(f"{name}.k", b"x")[4])["seq"] == (1 << 62) + sequence
    wire.api(f"CONSUMER.CREATE.{name}.c", {"stream_name": name, "config": {
        "name": "c", "ack_policy": "explicit", "ack_wait": largest, "inactive_threshold": largest}})
    inbox = f"inbox.{name}"
    wire.send(f"SUB {inbox} 9\r\n")
    request = json.dumps({"batch": 1, "expires": largest})
    wire.send(f"PUB $JS.API.CONSUMER.MSG.NEXT.{name}.c {inbox} {len(request)}\r\n{request}\r\n")
    assert wire.message()[4] == b"x"
    assert "error" not in wire.api(f"CONSUMER.RESET.{name}.c", {"seq": (1 << 64) - 1})
    wire.api(f"CONSUMER.CREATE.{name}.p", {"stream_name": name, "config": {
        "name": "p", "deliver_subject": inbox, "idle_heartbeat": largest, "ack_policy": "none"}})
    assert [wire.message()[4], wire.message()[4]] == [b"x", b"x"]
    assert wire.api(f"STREAM.PURGE.{name}")["purged"] == 2
