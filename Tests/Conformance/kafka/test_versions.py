"""Every version of every API that Duolog advertises, asked by kio, whose types come from Kafka's own schemas."""

import pytest
from kio.index import load_request_schema

from harness.kafka_wire import API_KEYS, KafkaWire, batch, filled, produce_request, request


# Kafka 4.4 has it, kio's schemas not yet; Tests/Formats/KafkaProtocolTests checks its bytes by hand.
NEWER_THAN_KIO = {("DeleteGroups", 3)}


@pytest.fixture
def wire(duolog):
    with KafkaWire(duolog.kafka_port) as one:
        yield one


@pytest.fixture
def advertised(wire):
    """API key to (lowest, highest) version."""
    answer = wire.call(request("ApiVersions", 3, client_software_name="test", client_software_version="1"))
    return {int(a.api_key): (a.min_version, a.max_version) for a in answer.api_keys}


def test_what_is_advertised_is_what_is_tested_here(advertised):
    assert advertised.keys() == set(API_KEYS.values())


def test_produce_is_advertised_from_0_for_old_clients(advertised):
    assert advertised[API_KEYS["Produce"]][0] == 0


def test_the_lists_of_all_versions_are_the_same(wire, advertised):
    for version in (0, 1, 2):
        answer = wire.call(request("ApiVersions", version))
        assert {int(a.api_key): (a.min_version, a.max_version) for a in answer.api_keys} == advertised


@pytest.mark.parametrize("api", sorted(API_KEYS))
def test_an_almost_empty_request_of_each_version_is_answered(duolog, advertised, api):
    """All fields of the answer are where Kafka's schema has them, and there is no byte too many."""
    lowest, highest = advertised[API_KEYS[api]]
    given = {
        "Produce": {"acks": 1},
        "ApiVersions": {"client_software_name": "a", "client_software_version": "1"},
    }
    for version in range(max(lowest, 3) if api == "Produce" else lowest, highest + 1):
        if (api, version) in NEWER_THAN_KIO:
            continue
        kind = load_request_schema(API_KEYS[api], version)
        fields = {k: v for k, v in given.get(api, {}).items() if k in kind.__dataclass_fields__}
        with KafkaWire(duolog.kafka_port) as one:
            assert one.call(filled(kind, **fields)) is not None, f"{api} {version}"


def test_each_version_of_metadata_tells_of_the_same_topic(wire, advertised, name):
    create(wire, name, partitions=3)
    for version in range(advertised[API_KEYS["Metadata"]][1] + 1):
        answer = wire.call(request("Metadata", version, topics=[{"name": name}]))
        topic = answer.topics[0]
        assert (int(topic.error_code), topic.name, len(topic.partitions)) == (0, name, 3)
        assert len(answer.brokers) == 1


def test_each_version_of_produce_appends_and_each_version_of_fetch_reads(wire, advertised, name):
    create(wire, name)
    topic_id = wire.call(request("Metadata", 12, topics=[{"name": name}])).topics[0].topic_id
    lowest, highest = 3, advertised[API_KEYS["Produce"]][1]
    for version in range(lowest, highest + 1):
        ask = produce_request(name, batch(), version=version) if version < 13 else request(
            "Produce", version, acks=-1, topic_data=[
                {"topic_id": topic_id, "partition_data": [{"index": 0, "records": batch()}]}])
        partition = wire.call(ask).responses[0].partition_responses[0]
        assert (int(partition.error_code), partition.base_offset) == (0, version - lowest), version
    count = highest - lowest + 1
    lowest, highest = advertised[API_KEYS["Fetch"]]
    for version in range(lowest, highest + 1):
        topic = {"topic": name} if version < 13 else {"topic_id": topic_id}
        answer = wire.call(request(
            "Fetch", version, max_wait=100, min_bytes=1, max_bytes=1 << 20, **session(version), topics=[
                {**topic, "partitions": [
                    {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1 << 20, **epoch(version)}]}]))
        partition = answer.responses[0].partitions[0]
        assert (int(partition.error_code), partition.high_watermark) == (0, count), version
        assert len(partition.records) == count * len(batch()), version


def session(version):
    return {"session_epoch": -1} if version >= 7 else {}


def epoch(version):
    return {"current_leader_epoch": -1} if version >= 9 else {}


def create(wire, name, partitions=1):
    answer = wire.call(request("CreateTopics", 5, timeout=5000, topics=[
        {"name": name, "num_partitions": partitions, "replication_factor": 1}]))
    assert int(answer.topics[0].error_code) == 0


class TestNegotiation:
    def test_an_unknown_version_of_api_versions_is_answered_in_version_0(self, wire):
        wire.send_frame(b"\x00\x12\x00\x63\x00\x00\x00\x07\x00\x01x\x00and anything else")
        frame = wire.read_frame()
        assert frame[:4] == b"\x00\x00\x00\x07", "the correlation id, and no tagged fields after it"
        assert frame[4:6] == b"\x00\x23", "UNSUPPORTED_VERSION"
        assert frame[6:10] == b"\x00\x00\x00\x01" and frame[10:12] == b"\x00\x12"
        assert wire.is_served()

    @pytest.mark.parametrize("software", ["", "a b", "-a", "a-"])
    def test_the_name_of_the_client_software_is_checked(self, wire, software):
        answer = wire.call(request(
            "ApiVersions", 3, client_software_name=software, client_software_version="1"))
        assert int(answer.error_code) == 42

    @pytest.mark.parametrize("head", [
        b"\x00\x00\x00\x7f", b"\x00\x03\x00\x63", b"\x00\x47\x00\x00", b"\x03\xe7\x00\x00", b"\xff\xff\x00\x00",
        b"\x00\x03\xff\xff"])
    def test_an_api_or_version_that_is_not_served_closes_the_connection(self, wire, head):
        wire.send_frame(head + b"\x00\x00\x00\x01\x00\x01x")
        wire.expect_closed()

    def test_bytes_after_the_end_of_a_request_are_ignored(self, wire):
        assert wire.call(request("Metadata", 12, topics=None), trailing=b"\0\0\0").brokers

    def test_pipelined_requests_are_answered_in_order(self, wire, name):
        create(wire, name)
        sent = []
        for number in range(50):
            ask = request("Metadata", 9, topics=[]) if number % 2 else produce_request(name, batch())
            sent.append((type(ask), wire.send(ask)))
        for kind, correlation in sent:
            wire.receive(kind, correlation)

    def test_a_waiting_fetch_holds_back_what_was_asked_after_it(self, wire, name):
        create(wire, name)
        fetch = request("Fetch", 4, max_wait=300, min_bytes=1, max_bytes=1 << 20, topics=[
            {"topic": name, "partitions": [{"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1 << 20}]}])
        first, second = wire.send(fetch), wire.send(request("ApiVersions", 0))
        wire.receive(type(fetch), first)
        wire.receive(load_request_schema(18, 0), second)
