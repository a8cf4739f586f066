"""What Duolog does not have is refused with JetStream's own error, at once, and by name. Never with silence."""

import pytest


@pytest.fixture
def js(duolog_wire, name):
    js = duolog_wire(headers=True)
    js.make_stream(name)
    js.api(f"CONSUMER.CREATE.{name}.c", {
        "stream_name": name, "config": {"durable_name": "c", "ack_policy": "explicit"}})
    return js


@pytest.mark.parametrize("field, value", [
    ("mirror", {"name": "other"}), ("sources", [{"name": "other"}]),
    ("subject_transform", {"src": ">", "dest": "a.>"}), ("republish", {"src": ">", "dest": "b.>"}),
    ("allow_msg_counter", True), ("allow_atomic", True), ("allow_batched", True),
    ("allow_msg_schedules", True), ("subject_delete_marker_ttl", 10**9),
])
def test_a_setting_of_a_stream(js, name, field, value):
    subjects = {} if field == "mirror" else {"subjects": [f"x{name}.>"]}
    answer = js.api(f"STREAM.CREATE.x{name}", {"name": f"x{name}", **subjects, field: value})
    assert answer["error"]["err_code"] == 10052
    assert field in answer["error"]["description"]
    assert js.api(f"STREAM.INFO.x{name}")["error"]["err_code"] == 10059, "nothing was made"


@pytest.mark.parametrize("config", [
    {"replay_policy": "original"},
    {"priority_policy": "overflow", "priority_groups": ["a"]},
    {"deliver_subject": "d", "rate_limit_bps": 1000},
])
def test_a_setting_of_a_consumer(js, name, config):
    answer = js.api(f"CONSUMER.CREATE.{name}.x", {
        "stream_name": name, "config": {"durable_name": "x", "ack_policy": "explicit", **config}})
    assert answer["error"]["err_code"] == 10012
    assert "not supported" in answer["error"]["description"]


@pytest.mark.parametrize("request_", [
    "STREAM.SNAPSHOT.{0}", "STREAM.RESTORE.{0}", "CONSUMER.UNPIN.{0}.c",
    "STREAM.LEADER.STEPDOWN.{0}", "CONSUMER.LEADER.STEPDOWN.{0}.c",
    "STREAM.PEER.REMOVE.{0}", "META.LEADER.STEPDOWN", "SERVER.REMOVE", "ACCOUNT.PURGE.A", "NO.SUCH.REQUEST"])
def test_a_request(js, name, request_):
    answer = js.api(request_.format(name), {})
    assert answer["error"]["code"] >= 400 and answer["error"]["description"]
