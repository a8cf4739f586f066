"""Streams that keep their messages less surely: in memory, or synced later."""

import json
import urllib.request

import pytest

from harness.nats_py import with_jetstream


def create(js, name, **config):
    return js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], **config})


class TestConfiguration:
    def test_answers_show_what_was_asked_for(self, js, name):
        assert create(js, name, storage="memory")["config"]["storage"] == "memory"
        config = create(js, name + "a", persist_mode="async")["config"]
        assert (config["storage"], config["persist_mode"]) == ("file", "async")
        assert config["metadata"]["_nats.req.level"] == "2"
        assert "persist_mode" not in create(js, name + "d", persist_mode="default")["config"]

    def test_a_stream_in_memory_has_nothing_to_put_off(self, js, name):
        error = create(js, name, storage="memory", persist_mode="async")["error"]
        assert (error["err_code"], error["description"]) == (
            10052, "async persist mode is only supported on file storage")

    def test_neither_can_be_changed(self, js, name):
        create(js, name, persist_mode="async")
        for change in ({}, {"persist_mode": "async", "storage": "memory"}):
            answer = js.api(f"STREAM.UPDATE.{name}", {"name": name, "subjects": [f"{name}.>"], **change})
            assert answer["error"]["err_code"] == 10052
        assert js.api(f"STREAM.INFO.{name}")["config"]["persist_mode"] == "async"

    def test_memory_counts_as_memory(self, js, name):
        before = js.api("INFO")
        create(js, name, storage="memory")
        js.request(f"{name}.a", b"x" * 1000)
        after = js.api("INFO")
        assert after["memory"] > before["memory"] + 1000
        assert after["storage"] == before["storage"]


@pytest.mark.parametrize("config", [{"storage": "memory"}, {"persist_mode": "async"}])
def test_messages_are_numbered_deduplicated_and_delivered_as_ever(js, name, config):
    create(js, name, **config)
    for number in range(1, 21):
        ack = json.loads(js.request(f"{name}.{number % 3}", str(number))[4])
        assert ack == {"stream": name, "seq": number}
    js.api(f"CONSUMER.CREATE.{name}.c", {"stream_name": name, "config": {
        "durable_name": "c", "ack_policy": "explicit", "filter_subject": f"{name}.1"}})
    got = [js.request(f"$JS.API.CONSUMER.MSG.NEXT.{name}.c", json.dumps({"batch": 1})) for _ in range(7)]
    assert [int(message[4]) for message in got] == [1, 4, 7, 10, 13, 16, 19]
    for message in got:
        assert js.request(message[2], b"+ACK")[4] == b""
    info = js.api(f"CONSUMER.INFO.{name}.c")
    assert (info["num_ack_pending"], info["ack_floor"]["consumer_seq"], info["num_pending"]) == (0, 7, 0)
    assert js.api(f"STREAM.PURGE.{name}", {"filter": f"{name}.2"})["purged"] == 7
    assert js.api(f"STREAM.MSG.DELETE.{name}", {"seq": 3})["success"]
    state = js.api(f"STREAM.INFO.{name}")["state"]
    assert (state["messages"], state["last_seq"]) == (12, 20)


@with_jetstream
async def test_nats_py_works_with_a_stream_in_memory(js, name):
    await js.add_stream(name=name, subjects=[f"{name}.*"], storage="memory")
    acks = [await js.publish(f"{name}.a", str(n).encode(), headers={"Nats-Msg-Id": str(n % 5)}) for n in range(10)]
    assert [ack.seq for ack in acks] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
    assert [bool(ack.duplicate) for ack in acks] == [False] * 5 + [True] * 5
    subscription = await js.pull_subscribe(f"{name}.*", "d")
    messages = await subscription.fetch(5)
    for message in messages:
        await message.ack_sync()
    assert [message.data for message in messages] == [b"0", b"1", b"2", b"3", b"4"]
    assert (await js.stream_info(name)).config.storage == "memory"


@pytest.mark.parametrize("setting, interval, always", [
    ("sync_interval: always", None, True), ("sync_interval: '5s'", 5_000_000_000, False),
    ("sync: '2m'", 120_000_000_000, False)])
def test_monitoring_shows_when_files_are_synced(program, tmp_path, setting, interval, always):
    running = program.start("-c", program.write(
        f"listen: '127.0.0.1:-1'\nhttp: '127.0.0.1:-1'\njetstream {{ store_dir: '{tmp_path}/data', {setting} }}\n"))
    config = json.load(urllib.request.urlopen(f"http://127.0.0.1:{running.http_port}/jsz", timeout=5))["config"]
    assert config.get("sync_always", False) is always
    if interval:
        assert config["sync_interval"] == interval
