"""Odd bodies of JetStream requests: what is taken for an empty one, and what is an error."""

import json

import pytest


@pytest.fixture
def stream(js, name):
    js.api(f"STREAM.CREATE.{name}", {"name": name, "subjects": [name]})
    config = {"durable_name": "c", "ack_policy": "explicit"}
    js.api(f"CONSUMER.CREATE.{name}.c", {"stream_name": name, "config": config})
    yield name
    js.api(f"STREAM.DELETE.{name}")


def ask(js, subject, body):
    answer = json.loads(js.request(f"$JS.API.{subject}", body)[4])
    return answer["error"]["err_code"] if "error" in answer else None


ONLY_OBJECTS = ["STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.{}", "STREAM.PURGE.{}", "CONSUMER.NAMES.{}",
                "CONSUMER.LIST.{}", "CONSUMER.PAUSE.{}.c"]


@pytest.mark.parametrize("subject", ONLY_OBJECTS)
@pytest.mark.parametrize("body", ["xx", " ", "null", "5", '"s"', "true", "\0", "{}", " {} "])
def test_what_does_not_begin_like_an_object_counts_as_nothing(js, stream, subject, body):
    assert ask(js, subject.format(stream), body) is None


@pytest.mark.parametrize("subject", ONLY_OBJECTS)
@pytest.mark.parametrize("body", ["{", "[", "[]", "{}x", '{"none":1}', '{"a":1,}'])
def test_an_object_that_cannot_be_read_is_an_error(js, stream, subject, body):
    assert ask(js, subject.format(stream), body) == 10025


@pytest.mark.parametrize("subject, code", [
    ("STREAM.CREATE.{}", 10056), ("STREAM.UPDATE.{}", 10052), ("STREAM.MSG.GET.{}", 10003),
    ("STREAM.MSG.DELETE.{}", 10057), ("CONSUMER.CREATE.{}", 10056), ("CONSUMER.RESET.{}.c", 10025)])
def test_white_space_is_an_object_without_members(js, stream, subject, code):
    assert ask(js, subject.format(stream), " ") == code


def test_capital_letters_in_names_are_small_ones(js, stream):
    names = js.api("STREAM.NAMES", {"OFFSET": 1000})
    assert (names["offset"], names["streams"]) == (names["total"], None) or names["offset"] == 1000
    assert ask(js, f"STREAM.PURGE.{stream}", '{"Keep":"x"}') == 10025
    assert ask(js, f"STREAM.PURGE.{stream}", '{"Keep":1}') is None


@pytest.mark.parametrize("subject, code", [
    ("CONSUMER.INFO.{}.c", None), ("CONSUMER.DELETE.{}.none", 10014), ("STREAM.DELETE.none{}", 10059)])
class TestRequestsWithoutBody:
    @pytest.mark.parametrize("body", ["", "{}", " {} "])
    def test_an_empty_object_is_none(self, js, stream, subject, code, body):
        assert ask(js, subject.format(stream), body) == code

    @pytest.mark.parametrize("body", [" ", "x", "null", "[]", '{"a":1}'])
    def test_all_else_is_refused(self, js, stream, subject, code, body):
        assert ask(js, subject.format(stream), body) == 10038


@pytest.mark.parametrize("body, code", [
    ({}, 10003), ({"seq": 0}, 10057), ({"no_erase": True}, 10057), ({"seq": 7}, 10057), ({"sequence": 1}, 10025)])
def test_deleting_a_message_that_is_none(js, stream, body, code):
    assert ask(js, f"STREAM.MSG.DELETE.{stream}", json.dumps(body)) == code


@pytest.mark.parametrize("subject, body, code", [
    ("CONSUMER.UNPIN.{}.c", {"group": "g"}, 10160), ("CONSUMER.UNPIN.{}.none", {"group": "g"}, 10014),
    ("CONSUMER.UNPIN.none{}.c", {"group": "g"}, 10059), ("CONSUMER.UNPIN.{}.c", {}, 10025),
    ("CONSUMER.UNPIN.{}.c", {"group": 5}, 10025), ("CONSUMER.UNPIN.{}.c", {"group": "g", "other": 1}, 10160)])
def test_unpinning(js, stream, subject, body, code):
    assert ask(js, subject.format(stream), json.dumps(body)) == code
