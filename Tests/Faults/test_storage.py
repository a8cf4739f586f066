"""A full disk, a folder in use, a folder of a later version, and damaged files."""

import contextlib
import json
import os
import subprocess
import time

import pytest

from harness.crash_load import read_partitions
from harness.files import fingerprint
from harness.kafka import create_topic
from harness.kafka_wire import KafkaWire, batch, produce_request
from harness.nats_wire import Wire
from harness.server import Server

KAFKA_STORAGE_ERROR = 56


def ended(server: Server, seconds=20):
    """The exit code of a server that should end by itself."""
    try:
        return server.process.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        raise AssertionError(f"it went on:\n{server.log}") from None


def make_stream(server, name="s"):
    with Wire(server.nats_port) as wire:
        wire.connect(headers=True).make_stream(name)


class TestFullDisk:
    def test_writers_are_told_and_everybody_else_is_served(self, own_duolog, small_disk):
        server = own_duolog(folder=small_disk)
        make_stream(server)
        create_topic(server, "t")
        stored, refusal = 0, None
        payload = os.urandom(500_000)
        with Wire(server.nats_port) as wire, Wire(server.nats_port) as other, KafkaWire(server.kafka_port) as kafka:
            wire.connect(headers=True)
            other.connect().send("SUB news 1\r\n").expect_nothing_more()
            while refusal is None:
                answer = json.loads(wire.request("s.k", payload)[4])
                if "error" in answer:
                    refusal = answer
                else:
                    stored += 1
                    assert answer["seq"] == stored < 1000
            assert refusal["error"]["code"] == 503 and refusal["error"]["err_code"] in (10023, 10047, 10077)
            assert stored > 50
            # What works in the background may have given some room back; it is soon full again.
            for _ in range(100):
                produced = kafka.call(produce_request("t", batch([(b"k", payload)])))
                if code := int(produced.responses[0].partition_responses[0].error_code):
                    break
            assert code == KAFKA_STORAGE_ERROR
            wire.publish("news", "still here")
            assert other.message()[4] == b"still here"
            assert wire.api("STREAM.INFO.s")["state"]["messages"] == stored
            assert wire.api("STREAM.MSG.GET.s", {"seq": 1})["message"]["seq"] == 1

            subprocess.run(["mount", "-o", "remount,size=400M", str(small_disk)], check=True)
            deadline = time.monotonic() + 20
            while "error" in (answer := json.loads(wire.request("s.k", payload)[4])):
                assert time.monotonic() < deadline, "it takes messages again when there is room"
                time.sleep(0.2)
            assert answer["seq"] == stored + 1
        server.kill()
        server.start()
        with Wire(server.nats_port) as wire:
            state = wire.connect(headers=True).api("STREAM.INFO.s")["state"]
            assert (state["messages"], state["last_seq"]) == (stored + 1, stored + 1)

    def test_an_ack_is_confirmed_only_when_no_crash_can_undo_it(self, own_duolog, small_disk):
        """A client that got no answer to its ack asks again, and again, and again after there is room."""
        server = own_duolog(launch_only=True)
        server.data = small_disk / "data"
        server.start()
        make_stream(server)
        count = 40
        with Wire(server.nats_port) as wire, Wire(server.nats_port) as acker:
            wire.connect(headers=True)
            acker.connect().send("SUB confirmed.* 1\r\n")
            for number in range(count):
                wire.request("s.k", f"job {number}")
            config = {"durable_name": "worker", "ack_policy": "explicit", "ack_wait": 3600 * 10**9}
            assert "error" not in wire.api("CONSUMER.CREATE.s.worker", {"stream_name": "s", "config": config})
            wire.send("SUB inbox 1\r\n")
            wire.publish("$JS.API.CONSUMER.MSG.NEXT.s.worker", json.dumps({"batch": count}), reply="inbox")
            acks = [wire.message()[2] for _ in range(count)]
            wire.send("UNSUB 1\r\n").expect_nothing_more()

            make_stream(server, "filler")
            # What works in the background may give some room back, and find none when it wants it again.
            for _ in range(4):
                for size in [500_000, 10_000, 0]:
                    while "error" not in json.loads(wire.request("filler.k", bytes(size))[4]):
                        pass
                with open(small_disk / "filler", "ab") as file, contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(1 << 16))
                time.sleep(0.3)

            confirmed = set()

            def ack(number, seconds=0.1):
                """Whether the server confirms it in time. Answers to what was asked before are taken, too."""
                acker.publish(acks[number], "+ACK", reply=f"confirmed.{number}")
                acker.socket.settimeout(seconds)
                with contextlib.suppress(TimeoutError):
                    while number not in confirmed:
                        confirmed.add(int(acker.message()[0].split(".")[1]))
                return number in confirmed

            answers = [ack(number) for number in range(count)]
            assert not answers[-1], "there is room for acks still"
            refused = answers.index(False)
            for _ in range(3):
                ack(refused)
            while_full = set(confirmed)
            server.kill()
            server.start()
        with Wire(server.nats_port) as wire:
            info = wire.connect(headers=True).api("CONSUMER.INFO.s.worker")
            assert info["ack_floor"]["stream_seq"] == len(while_full) == refused, "what was confirmed, and nothing else, is acked"

            acker = Wire(server.nats_port).connect().send("SUB confirmed.* 1\r\n")
            assert not ack(count - 1) and not ack(count - 1)
            subprocess.run(["mount", "-o", "remount,size=400M", str(small_disk)], check=True)
            deadline = time.monotonic() + 20
            while not all([ack(number) for number in range(count)]):
                assert time.monotonic() < deadline, "acks are confirmed again when there is room"
            acker.close()
        server.kill()
        server.start()
        with Wire(server.nats_port) as wire:
            info = wire.connect(headers=True).api("CONSUMER.INFO.s.worker")
            assert (info["ack_floor"]["stream_seq"], info["num_ack_pending"]) == (count, 0)

    def test_a_server_that_cannot_even_start_says_so(self, own_duolog, small_disk):
        filler = small_disk / "filler"
        with open(filler, "wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 20))
        server = own_duolog(launch_only=True)
        server.data = small_disk / "data"
        server.launch()
        assert ended(server) != 0
        assert "space" in server.log.lower() or "full" in server.log.lower()


class TestTheFolder:
    def test_a_second_server_on_it_ends_with_a_clear_message(self, own_duolog, tmp_path):
        first = own_duolog()
        make_stream(first)
        before = fingerprint(first.data)
        second = own_duolog(folder=tmp_path / "second", launch_only=True)
        second.data = first.data
        second.launch()
        assert ended(second) == 1
        assert str(first.data) in second.log and "in use" in second.log
        assert str(first.pid) in second.log
        assert fingerprint(first.data) == before
        with Wire(first.nats_port) as wire:
            assert wire.connect(headers=True).api("STREAM.INFO.s")["config"]["name"] == "s"

    def test_it_is_free_again_after_a_kill(self, own_duolog):
        server = own_duolog()
        server.kill()
        server.start()

    def test_one_of_a_later_version_is_left_alone(self, own_duolog):
        server = own_duolog()
        make_stream(server)
        server.stop()
        format_file = server.data / "format"
        text = format_file.read_text()
        assert "format 2\n" in text
        format_file.write_text(text.replace("format 2\n", "format 99\n"))
        before = fingerprint(server.data)
        server.launch()
        assert ended(server) == 1
        assert "format 99" in server.log and "newer version" in server.log
        assert fingerprint(server.data) == before

    def test_one_that_is_something_else_is_left_alone(self, own_duolog, tmp_path):
        server = own_duolog(launch_only=True)
        server.data.mkdir(parents=True)
        (server.data / "format").write_text("a photo album\n")
        before = fingerprint(server.data)
        server.launch()
        assert ended(server) == 1
        assert fingerprint(server.data) == before

    def test_one_that_cannot_be_written_ends_the_start(self, own_duolog, tmp_path):
        server = own_duolog(launch_only=True)
        tmp_path.joinpath("file").write_text("not a folder")
        server.data = tmp_path / "file" / "data"
        server.launch()
        assert ended(server) == 1
        assert str(server.data) in server.log


class TestPorts:
    @pytest.mark.parametrize("port", ["nats", "kafka", "monitoring"])
    def test_one_that_is_taken_ends_the_start(self, own_duolog, tmp_path, port):
        first = own_duolog()
        second = own_duolog(folder=tmp_path / "second", launch_only=True)
        second.ports[port] = first.ports[port]
        second.launch()
        assert ended(second) == 1
        assert str(first.ports[port]) in second.log and "in use" in second.log.lower()
        assert first.is_running()
        with Wire(first.nats_port) as wire:
            wire.connect().expect_nothing_more()


class TestDamage:
    def write_some(self, server):
        make_stream(server)
        with Wire(server.nats_port) as wire:
            wire.connect(headers=True)
            for number in range(100):
                wire.request("s.k", f"message {number} " * 20)

    def log_files(self, server):
        return sorted(path for path in (server.data / "wal").iterdir() if path.is_file())

    def test_a_torn_end_is_cut_and_the_rest_is_kept(self, own_duolog):
        """What follows the last whole frame is what a crash in the middle of a write leaves."""
        server = own_duolog()
        self.write_some(server)
        server.kill()
        content = self.log_files(server)[0].read_bytes()
        # A frame may end in zeros of its own and is padded to eight bytes.
        end = (len(content.rstrip(b"\0")) + 64) // 8 * 8
        with open(self.log_files(server)[0], "r+b") as file:
            file.seek(end)
            file.write(b"\x41" * 300)
        server.start()
        with Wire(server.nats_port) as wire:
            wire.connect(headers=True)
            assert wire.api("STREAM.INFO.s")["state"]["messages"] == 100
            assert json.loads(wire.request("s.k", "more")[4])["seq"] == 101
        server.kill()
        server.start()
        assert len(read_partitions(server, "s", {0: 0})[0]) == 101

    def test_damage_in_the_middle_is_told_and_costs_no_stream(self, own_duolog):
        server = own_duolog()
        self.write_some(server)
        server.kill()
        path = self.log_files(server)[0]
        content = path.read_bytes()
        at = content.index(b"message 50 message 50") + 30
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(b"\xff\xff\xff")
        server.launch()
        deadline = time.monotonic() + 20
        while "Server is ready" not in server.log and server.process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert path.name in server.log, "the damage is reported with its file"
        if server.process.poll() is None:
            server.kill()
            server.start()
            with Wire(server.nats_port) as wire:
                assert "error" not in wire.connect(headers=True).api("STREAM.INFO.s")
