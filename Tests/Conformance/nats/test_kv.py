"""Key-value buckets with nats-py. Every test runs against Duolog and against nats-server."""

import pytest
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError, NoKeysError

from harness.nats_py import with_jetstream


@with_jetstream
async def test_put_get_and_revisions(js, name):
    bucket = await js.create_key_value(bucket=name, history=3)
    assert await bucket.put("a", b"1") == 1
    assert await bucket.put("b", b"2") == 2
    assert await bucket.put("a", b"3") == 3
    entry = await bucket.get("a")
    assert (entry.value, entry.revision) == (b"3", 3)
    assert (await bucket.get("a", revision=1)).value == b"1"
    status = await bucket.status()
    assert (status.bucket, status.values, status.history) == (name, 3, 3)


@with_jetstream
async def test_create_and_update_check_the_revision(js, name):
    bucket = await js.create_key_value(bucket=name)
    revision = await bucket.create("k", b"1")
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.create("k", b"again")
    revision = await bucket.update("k", b"2", last=revision)
    with pytest.raises(KeyWrongLastSequenceError):
        await bucket.update("k", b"3", last=revision - 1)
    assert (await bucket.get("k")).value == b"2"


@with_jetstream
async def test_delete_and_create_again(js, name):
    bucket = await js.create_key_value(bucket=name)
    await bucket.put("k", b"1")
    await bucket.delete("k")
    with pytest.raises(KeyNotFoundError):
        await bucket.get("k")
    await bucket.create("k", b"2")
    assert (await bucket.get("k")).value == b"2"


@with_jetstream
async def test_purge_leaves_only_the_marker(js, name):
    bucket = await js.create_key_value(bucket=name, history=10)
    for number in range(5):
        await bucket.put("k", b"%d" % number)
    await bucket.purge("k")
    assert (await js.stream_info(f"KV_{name}")).state.messages == 1
    with pytest.raises(KeyNotFoundError):
        await bucket.get("k")


@with_jetstream
async def test_a_missing_key_and_a_missing_bucket(js, name):
    bucket = await js.create_key_value(bucket=name)
    with pytest.raises(KeyNotFoundError):
        await bucket.get("nothing")
    await js.delete_key_value(name)
    with pytest.raises(BucketNotFoundError):
        await js.key_value(name)


@with_jetstream
async def test_keys_and_history(js, name):
    bucket = await js.create_key_value(bucket=name, history=5)
    for number in range(3):
        await bucket.put("a", b"%d" % number)
    await bucket.put("b.c", b"x")
    await bucket.put("gone", b"x")
    await bucket.delete("gone")
    assert sorted(await bucket.keys()) == ["a", "b.c"]
    assert [entry.value for entry in await bucket.history("a")] == [b"0", b"1", b"2"]


@with_jetstream
async def test_watching(js, name):
    bucket = await js.create_key_value(bucket=name)
    await bucket.put("a", b"1")
    watcher = await bucket.watchall()
    assert (await watcher.updates(timeout=5)).value == b"1"
    assert await watcher.updates(timeout=5) is None, "all that was there has been seen"
    await bucket.put("b", b"2")
    await bucket.delete("a")
    second, third = await watcher.updates(timeout=5), await watcher.updates(timeout=5)
    assert (second.key, second.value) == ("b", b"2")
    assert (third.key, third.operation) == ("a", "DEL")
    await watcher.stop()


@with_jetstream
async def test_an_empty_bucket_has_no_keys(js, name):
    bucket = await js.create_key_value(bucket=name)
    with pytest.raises(NoKeysError):
        await bucket.keys()


@with_jetstream
async def test_an_object_comes_back_in_one_piece(js, name):
    store = await js.create_object_store(name)
    content = bytes(range(256)) * 2000
    info = await store.put("large", content)
    assert (info.size, info.chunks) == (len(content), 4)
    assert (await store.get("large")).data == content
    await store.put("large", b"small now")
    assert (await store.get("large")).data == b"small now"
    assert [entry.name for entry in await store.list()] == ["large"]
