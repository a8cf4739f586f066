"""Consumers through the raw `$JS.API`: make, inspect, list and delete them."""

import json
import time

import pytest

from harness.waiting import until


@pytest.fixture
def stream(js, name):
    """A stream on `<name>.>` with six messages: a b c a b c."""
    js.make_stream(name)
    for subject in "abcabc":
        js.request(f"{name}.{subject}", subject)
    return name


def create(js, stream, consumer, action="", **config):
    config = {"durable_name": consumer, "ack_policy": "explicit", **config}
    return js.api(f"CONSUMER.CREATE.{stream}.{consumer}", {
        "stream_name": stream, "config": config, "action": action})


def error_of(answer):
    return (answer["error"]["code"], answer["error"]["err_code"])


class TestCreate:
    def test_the_answer_has_the_whole_configuration_and_state(self, js, stream):
        answer = create(js, stream, "c")
        assert answer["type"] == "io.nats.jetstream.api.v1.consumer_create_response"
        assert (answer["stream_name"], answer["name"]) == (stream, "c")
        config = answer["config"]
        expected = {
            "durable_name": "c", "name": "c", "deliver_policy": "all", "ack_policy": "explicit",
            "ack_wait": 30_000_000_000, "max_deliver": -1, "replay_policy": "instant", "max_waiting": 512,
            "max_ack_pending": 1000, "num_replicas": 0}
        assert {key: config.get(key) for key in expected} == expected
        assert answer["delivered"]["consumer_seq"] == answer["delivered"]["stream_seq"] == 0
        assert answer["ack_floor"]["consumer_seq"] == answer["ack_floor"]["stream_seq"] == 0
        assert (answer["num_pending"], answer["num_ack_pending"]) == (6, 0)
        assert (answer["num_redelivered"], answer["num_waiting"]) == (0, 0)
        assert answer["created"].endswith("Z")

    def test_the_old_durable_form(self, js, stream):
        answer = js.api(f"CONSUMER.DURABLE.CREATE.{stream}.old", {
            "stream_name": stream, "config": {"durable_name": "old", "ack_policy": "explicit"}})
        assert answer["name"] == "old"

    def test_the_old_ephemeral_form_chooses_a_name(self, js, stream):
        answer = js.api(f"CONSUMER.CREATE.{stream}", {
            "stream_name": stream, "config": {"ack_policy": "explicit"}})
        assert len(answer["name"]) >= 8
        assert "durable_name" not in answer["config"]
        assert js.api(f"CONSUMER.INFO.{stream}.{answer['name']}")["name"] == answer["name"]

    def test_a_named_consumer_need_not_be_durable(self, js, stream):
        answer = js.api(f"CONSUMER.CREATE.{stream}.n", {
            "stream_name": stream, "config": {"name": "n", "ack_policy": "explicit"}})
        assert answer["name"] == "n" and "durable_name" not in answer["config"]

    def test_the_form_with_a_filter_in_the_subject(self, js, stream):
        answer = js.api(f"CONSUMER.CREATE.{stream}.f.{stream}.a", {
            "stream_name": stream,
            "config": {"name": "f", "ack_policy": "explicit", "filter_subject": f"{stream}.a"}})
        assert answer["config"]["filter_subject"] == f"{stream}.a"
        assert answer["num_pending"] == 2

    def test_the_filter_in_the_subject_must_be_the_configured_one(self, js, stream):
        answer = js.api(f"CONSUMER.CREATE.{stream}.f.{stream}.a", {
            "stream_name": stream,
            "config": {"name": "f", "ack_policy": "explicit", "filter_subject": f"{stream}.b"}})
        assert error_of(answer) == (400, 10131)

    def test_the_same_again_succeeds(self, js, stream):
        create(js, stream, "c", description="d")
        assert create(js, stream, "c", description="d")["name"] == "c"

    def test_create_refuses_an_existing_consumer_that_differs(self, js, stream):
        create(js, stream, "c", action="create")
        answer = create(js, stream, "c", action="create", description="other")
        assert answer["error"] == {
            "code": 400, "err_code": 10148, "description": "consumer already exists"}

    def test_update_refuses_a_missing_consumer(self, js, stream):
        answer = create(js, stream, "c", action="update")
        assert answer["error"] == {"code": 400, "err_code": 10149, "description": "consumer does not exist"}

    def test_update_changes_what_may_change(self, js, stream):
        create(js, stream, "c")
        answer = create(js, stream, "c", action="update", description="new", max_deliver=7)
        assert answer["config"]["description"] == "new" and answer["config"]["max_deliver"] == 7

    def test_update_does_not_change_where_delivery_starts(self, js, stream):
        create(js, stream, "c")
        assert error_of(create(js, stream, "c", action="update", deliver_policy="last")) == (500, 10012)

    def test_a_missing_stream_is_not_found(self, js, name):
        assert error_of(create(js, f"{name}missing", "c")) == (404, 10059)

    def test_an_unknown_field_is_refused(self, js, stream):
        answer = create(js, stream, "c", ack_weight=1)
        assert answer["error"] == {
            "code": 400, "err_code": 10025, "description": "invalid JSON: json: unknown field \"ack_weight\""}

    @pytest.mark.parametrize("config", [
        {"ack_policy": "sometimes"}, {"deliver_policy": "none"}, {"replay_policy": "slow"}])
    def test_an_unknown_choice_is_refused(self, js, stream, config):
        assert error_of(create(js, stream, "c", **config)) == (400, 10025)

    def test_backoff_needs_enough_deliveries(self, js, stream):
        answer = create(js, stream, "c", max_deliver=1, backoff=[1_000_000_000, 2_000_000_000])
        assert error_of(answer) == (400, 10116)

    @pytest.mark.parametrize("policy, pending", [
        ({"deliver_policy": "all"}, 6),
        ({"deliver_policy": "new"}, 0),
        ({"deliver_policy": "last"}, 1),
        ({"deliver_policy": "by_start_sequence", "opt_start_seq": 4}, 3),
        ({"deliver_policy": "by_start_time", "opt_start_time": "2020-01-01T00:00:00Z"}, 6),
        ({"deliver_policy": "by_start_time", "opt_start_time": "2120-01-01T00:00:00Z"}, 0),
        ({"deliver_policy": "last_per_subject", "filter_subject": "{}.*"}, 3),
        ({"deliver_policy": "all", "filter_subject": "{}.a"}, 2),
        ({"deliver_policy": "all", "filter_subjects": ["{}.a", "{}.b"]}, 4),
        ({"deliver_policy": "last", "filter_subject": "{}.b"}, 1),
        ({"deliver_policy": "by_start_sequence", "opt_start_seq": 4, "filter_subject": "{}.a"}, 1),
    ])
    def test_what_is_pending_at_the_start(self, js, stream, policy, pending):
        config = json.loads(json.dumps(policy).replace("{}", stream))
        answer = create(js, stream, "c", **config)
        assert answer["num_pending"] == pending

    @pytest.mark.parametrize("config", [
        {"deliver_policy": "by_start_sequence"},
        {"deliver_policy": "by_start_time"},
        {"deliver_policy": "all", "opt_start_seq": 3},
        {"deliver_policy": "last_per_subject"},
    ])
    def test_a_policy_and_its_parameter_belong_together(self, js, stream, config):
        assert error_of(create(js, stream, "c", **config))[0] == 400

    def test_filters_must_not_overlap(self, js, stream):
        answer = create(js, stream, "c", filter_subjects=[f"{stream}.a", f"{stream}.*"])
        assert error_of(answer) == (400, 10138)

    def test_one_kind_of_filter_at_a_time(self, js, stream):
        answer = create(js, stream, "c", filter_subject=f"{stream}.a", filter_subjects=[f"{stream}.b"])
        assert error_of(answer) == (400, 10136)


class TestInfoNamesListDelete:
    def test_info_tells_state(self, js, stream):
        create(js, stream, "c")
        answer = js.api(f"CONSUMER.INFO.{stream}.c")
        assert answer["type"] == "io.nats.jetstream.api.v1.consumer_info_response"
        assert (answer["stream_name"], answer["name"], answer["num_pending"]) == (stream, "c", 6)

    def test_a_missing_consumer_is_not_found(self, js, stream):
        answer = js.api(f"CONSUMER.INFO.{stream}.nobody")
        assert answer["error"] == {"code": 404, "err_code": 10014, "description": "consumer not found"}
        assert error_of(js.api(f"CONSUMER.DELETE.{stream}.nobody")) == (404, 10014)

    def test_a_missing_stream_is_not_found(self, js, name):
        for request in ("INFO", "DELETE"):
            assert error_of(js.api(f"CONSUMER.{request}.{name}.c")) == (404, 10059)
        for request in ("NAMES", "LIST"):
            assert error_of(js.api(f"CONSUMER.{request}.{name}")) == (404, 10059)

    def test_pending_grows_with_the_stream(self, js, stream):
        create(js, stream, "c", filter_subject=f"{stream}.a")
        js.request(f"{stream}.a", "x")
        js.request(f"{stream}.b", "x")
        assert js.api(f"CONSUMER.INFO.{stream}.c")["num_pending"] == 3

    def test_names_are_sorted(self, js, stream):
        for consumer in "zxy":
            create(js, stream, consumer)
        answer = js.api(f"CONSUMER.NAMES.{stream}")
        assert answer["type"] == "io.nats.jetstream.api.v1.consumer_names_response"
        assert answer["consumers"] == ["x", "y", "z"]
        assert (answer["total"], answer["offset"], answer["limit"]) == (3, 0, 1024)

    def test_names_can_be_paged(self, js, stream):
        for consumer in "xyz":
            create(js, stream, consumer)
        answer = js.api(f"CONSUMER.NAMES.{stream}", {"offset": 2})
        assert (answer["consumers"], answer["total"], answer["offset"]) == (["z"], 3, 2)

    def test_list_has_the_infos(self, js, stream):
        for consumer in "yx":
            create(js, stream, consumer)
        answer = js.api(f"CONSUMER.LIST.{stream}")
        assert answer["type"] == "io.nats.jetstream.api.v1.consumer_list_response"
        assert sorted(info["name"] for info in answer["consumers"]) == ["x", "y"]
        assert answer["total"] == 2 and answer["limit"] == 256

    def test_a_stream_counts_its_consumers(self, js, stream):
        create(js, stream, "x")
        create(js, stream, "y")
        assert js.api(f"STREAM.INFO.{stream}")["state"]["consumer_count"] == 2

    def test_delete(self, js, stream):
        create(js, stream, "c")
        answer = js.api(f"CONSUMER.DELETE.{stream}.c")
        assert (answer["type"], answer["success"]) == (
            "io.nats.jetstream.api.v1.consumer_delete_response", True)
        assert error_of(js.api(f"CONSUMER.INFO.{stream}.c")) == (404, 10014)
        assert not js.api(f"CONSUMER.NAMES.{stream}")["consumers"]

    def test_an_ephemeral_consumer_goes_away_when_nobody_uses_it(self, js, stream):
        js.api(f"CONSUMER.CREATE.{stream}.e", {"stream_name": stream, "config": {
            "name": "e", "ack_policy": "explicit", "inactive_threshold": 200_000_000}})
        until(lambda: not js.api(f"CONSUMER.NAMES.{stream}")["consumers"])

    def test_a_durable_consumer_stays(self, js, stream):
        create(js, stream, "c")
        time.sleep(0.5)
        assert js.api(f"CONSUMER.NAMES.{stream}")["consumers"] == ["c"]
