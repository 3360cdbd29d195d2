"""The way in: room first, bytes straight to the bucket, seen whole or not at all."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.domains.storage.shelf import digest

MIB = 1 << 20


async def test_a_small_file_is_seen_once_its_bytes_have_arrived(shelf) -> None:
    data = b"weights" * 100
    [started] = await shelf.announce(("runs/one/model.bin", data))
    assert (await shelf.usage())["reserved_bytes"] == len(data)
    assert await shelf.names() == []
    [early] = await shelf.finish(started["upload"]["id"])
    assert early["refused"]["code"] == "storage_upload_incomplete"
    assert (await shelf.send(started["upload"]["put"], data)).status_code == 200
    [done] = await shelf.finish(started["upload"]["id"])
    assert done["refused"] is None
    assert await shelf.names() == ["runs/"]
    assert await shelf.names("runs/one") == ["model.bin"]
    used = await shelf.usage()
    assert (used["bytes"], used["objects"], used["reserved_bytes"]) == (len(data), 1, 0)
    answer = await shelf.read(done["id"])
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="model.bin"')


async def test_a_large_file_goes_in_parts_and_goes_on_where_it_was_cut(shelf) -> None:
    data = bytes(range(256)) * (17 * MIB // 256)
    [started] = await shelf.announce(("big.bin", data))
    upload = started["upload"]
    each = upload["part_size"]
    assert upload["put"] is None and each == 8 * MIB
    assert (await shelf.send_part(upload, 1, data[:each])).status_code == 200
    assert (await shelf.send_part(upload, 3, data[2 * each :])).status_code == 200
    seen = (await shelf.get(f"/api/v1/storage/uploads/{upload['id']}")).json()
    assert [part["number"] for part in seen["parts"]] == [1, 3]
    assert seen["parts"][0]["sha256"] == digest(data[:each])
    [early] = await shelf.finish(upload["id"])
    assert "1 of 3 parts" in early["refused"]["message"]
    assert (await shelf.send_part(upload, 2, data[each : 2 * each])).status_code == 200
    [done] = await shelf.finish(upload["id"])
    assert done["refused"] is None
    assert (await shelf.read(done["id"])).content == data


async def test_the_bucket_takes_no_other_bytes_than_were_announced(shelf) -> None:
    data = b"a" * 1000
    [started] = await shelf.announce(("a.txt", data))
    put = started["upload"]["put"]
    assert (await shelf.send(put, b"b" * 1000)).status_code == 400  # another digest
    assert (await shelf.send(put, b"a" * 1001)).status_code == 403  # another length
    other = {**put, "headers": {**put["headers"], "x-amz-meta-a": "1"}}
    assert (await shelf.send(other, data)).status_code == 403
    elsewhere = {**put, "url": put["url"].replace(started["upload"]["id"], "0" * 36)}
    assert (await shelf.send(elsewhere, data)).status_code == 403
    later = {**put, "url": put["url"].replace(f"X-Amz-Expires={put['expires_in']}", "X-Amz-Expires=3000")}
    assert (await shelf.send(later, data)).status_code == 403
    [early] = await shelf.finish(started["upload"]["id"])
    assert early["refused"]["code"] == "storage_upload_incomplete"


async def test_a_part_that_was_sent_with_another_digest_than_the_last_word_is_refused(shelf) -> None:
    data = b"x" * (9 * MIB)
    [started] = await shelf.announce(("x.bin", data))
    upload = started["upload"]
    assert (await shelf.send_part(upload, 1, data[: 8 * MIB])).status_code == 200
    assert (await shelf.send_part(upload, 2, data[8 * MIB :])).status_code == 200
    assert (await shelf.send_part(upload, 2, data[8 * MIB :], digest(b"else"))).status_code == 400
    [done] = await shelf.finish(upload["id"])
    assert done["refused"]["code"] == "storage_upload_mismatch"
    assert (await shelf.send_part(upload, 2, data[8 * MIB :])).status_code == 200
    [done] = await shelf.finish(upload["id"])
    assert done["refused"] is None


async def test_a_repeated_request_is_one_upload_and_one_file(shelf) -> None:
    data = b"once"
    [first] = await shelf.announce(("once.txt", data), key="k1")
    [again] = await shelf.announce(("once.txt", data), key="k1")
    assert first["upload"]["id"] == again["upload"]["id"]
    await shelf.send(again["upload"]["put"], data)
    ids = {(await shelf.finish(first["upload"]["id"]))[0]["id"] for _ in range(2)}
    assert ids == {first["upload"]["id"]}
    assert (await shelf.usage())["objects"] == 1


async def test_one_bad_path_does_not_stop_the_batch(shelf) -> None:
    items = await shelf.announce(("good.txt", b"1"), ("../bad.txt", b"2"), ("a//b", b"3"))
    assert [item["refused"] and item["refused"]["code"] for item in items] == [
        None,
        "validation_error",
        "validation_error",
    ]


async def test_an_overwrite_asks_and_the_old_one_can_be_brought_back(shelf) -> None:
    old = await shelf.put("notes.txt", b"old")
    [refused] = await shelf.announce(("notes.txt", b"new"))
    assert refused["refused"]["code"] == "storage_path_taken"
    new = await shelf.put("notes.txt", b"new", overwrite=True)
    assert new != old
    assert (await shelf.read(new)).content == b"new"
    deleted = (await shelf.get("/api/v1/storage/deleted")).json()["items"]
    assert [(entry["id"], entry["replaced"]) for entry in deleted] == [(old, True)]
    assert (await shelf.call("POST", f"/api/v1/storage/deleted/{old}/restore")).status_code == 200
    assert (await shelf.read(old)).content == b"old"
    assert await shelf.names() == ["notes.txt"]


async def test_a_file_is_no_folder_and_a_folder_is_no_file(shelf) -> None:
    await shelf.put("a/b", b"1")
    [below] = await shelf.announce(("a/b/c", b"2"))
    [above] = await shelf.announce(("a", b"3"))
    assert below["refused"]["code"] == above["refused"]["code"] == "storage_path_taken"


async def test_canceled_room_is_free_at_once_and_the_bytes_go(shelf, runtime) -> None:
    from app.domains.storage.gateway.s3 import Bucket
    from app.domains.storage.service.expiry import sweep

    data = b"z" * (9 * MIB)
    [started] = await shelf.announce(("z.bin", data))
    upload = started["upload"]
    await shelf.send_part(upload, 1, data[: 8 * MIB])
    assert (await shelf.call("DELETE", f"/api/v1/storage/uploads/{upload['id']}")).status_code == 200
    assert (await shelf.usage())["reserved_bytes"] == 0
    assert await sweep(runtime) == (1, 0)
    assert upload["id"] not in str([page async for page in runtime.part(Bucket).list_uploads()])
    assert (await shelf.get(f"/api/v1/storage/uploads/{upload['id']}")).status_code == 404


async def test_a_forgotten_upload_ends_by_itself(shelf, runtime) -> None:
    from app.domains.storage.service.expiry import sweep
    from app.shared.clock import FixedClock

    await shelf.announce(("late.txt", b"late"))
    assert await sweep(runtime) == (0, 0)
    runtime.clock = FixedClock(datetime.now(UTC) + timedelta(hours=49))
    assert await sweep(runtime) == (1, 0)
    assert (await shelf.usage())["reserved_objects"] == 0


async def test_killed_after_the_bucket_and_before_the_table_the_same_request_goes_on(shelf, monkeypatch) -> None:
    """The parts are one object already, and the row still says that it is open."""
    from app.domains.storage.service import publish

    data = b"k" * (9 * MIB)
    [started] = await shelf.announce(("k.bin", data))
    upload = started["upload"]
    await shelf.send_part(upload, 1, data[: 8 * MIB])
    await shelf.send_part(upload, 2, data[8 * MIB :])

    async def dies(ctx, command):
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(publish, "publish", dies)
        with pytest.raises(asyncio.CancelledError):
            await shelf.finish(upload["id"])
    assert await shelf.names() == []
    [done] = await shelf.finish(upload["id"])
    assert done["refused"] is None
    assert await shelf.names() == ["k.bin"]


@pytest.mark.commits
async def test_thirty_two_at_once_never_get_more_room_than_there_is(shelf, runtime) -> None:
    from sqlalchemy import text

    async with runtime.context(shelf.browser.actor) as ctx:
        await ctx.session.execute(
            text(
                "INSERT INTO shared.policy_values (id, key, tenant_id, project_id, value) "
                "VALUES (gen_random_uuid(), 'storage.quota_bytes', NULL, NULL, '1000'::jsonb)"
            )
        )
    answers = await asyncio.gather(*(shelf.announce((f"f{n}", b"x" * 100)) for n in range(32)))
    taken = [item for [item] in answers if item["refused"] is None]
    assert len(taken) == 10
    assert {item["refused"]["code"] for [item] in answers if item["refused"]} == {"storage_quota_exceeded"}
    used = await shelf.usage()
    assert (used["reserved_bytes"], used["reserved_objects"]) == (1000, 10)
