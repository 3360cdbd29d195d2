"""Killed at every step between table and bucket: nothing is half visible, no room is lost, the same request goes on."""

import asyncio

import pytest
from sqlalchemy import text

MIB = 1 << 20
BOOKS = text("""
    SELECT u.bytes, u.objects, u.reserved_bytes, u.reserved_objects,
           (SELECT COALESCE(sum(size), 0) FROM storage.storage_objects WHERE state <> 'purging') AS held,
           (SELECT count(*) FROM storage.storage_objects WHERE state <> 'purging') AS files,
           (SELECT COALESCE(sum(size), 0) FROM storage.storage_uploads WHERE state = 'open') AS asked,
           (SELECT count(*) FROM storage.storage_uploads WHERE state = 'open') AS uploads
    FROM storage.storage_usage u
""")


async def assert_books(shelf) -> None:
    async with shelf.runtime.context(shelf.browser.actor) as ctx:
        row = (await ctx.session.execute(BOOKS)).one()
    assert (row.bytes, row.objects, row.reserved_bytes, row.reserved_objects) == (
        row.held, row.files, row.asked, row.uploads
    )  # fmt: skip


def dies_at(patch, call: int, after: bool) -> None:
    """The process ends before or after the n-th request to the bucket from now on."""
    from app.domains.storage.gateway.s3 import Bucket

    ask, left = Bucket._ask, [call]

    async def dying(bucket, operation, **wanted):
        left[0] -= 1
        if left[0] == 0 and not after:
            raise asyncio.CancelledError
        answer = await ask(bucket, operation, **wanted)
        if left[0] == 0:
            raise asyncio.CancelledError
        return answer

    patch.setattr(Bucket, "_ask", dying)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_while_an_upload_begins(shelf, monkeypatch, after: bool) -> None:
    data = b"b" * (9 * MIB)
    with monkeypatch.context() as patch:
        dies_at(patch, 1, after)
        with pytest.raises(asyncio.CancelledError):
            await shelf.announce(("b.bin", data), key="same")
    await assert_books(shelf)
    [started] = await shelf.announce(("b.bin", data), key="same")
    assert (await shelf.usage())["reserved_objects"] == 1
    for number, part in enumerate((data[: 8 * MIB], data[8 * MIB :]), 1):
        assert (await shelf.send_part(started["upload"], number, part)).status_code == 200
    [done] = await shelf.finish(started["upload"]["id"])
    assert done["refused"] is None
    await assert_books(shelf)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("size", [0, 9 * MIB])
async def test_killed_while_an_upload_is_finished(shelf, monkeypatch, size: int, call: int, after: bool) -> None:
    """The calls are: list the parts, join them."""
    data = b"f" * size
    [started] = await shelf.announce(("f.bin", data))
    if started["upload"]["put"]:
        assert (await shelf.send(started["upload"]["put"], data)).status_code == 200
    else:
        for number, part in enumerate((data[: 8 * MIB], data[8 * MIB :]), 1):
            assert (await shelf.send_part(started["upload"], number, part)).status_code == 200
    with monkeypatch.context() as patch:
        dies_at(patch, call, after)
        with pytest.raises(asyncio.CancelledError):
            await shelf.finish(started["upload"]["id"])
    assert await shelf.names() == []
    await assert_books(shelf)
    [done] = await shelf.finish(started["upload"]["id"])
    assert done["refused"] is None
    assert await shelf.names() == ["f.bin"]
    assert (await shelf.read(done["id"])).content == data
    await assert_books(shelf)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", [1, 2, 3])
async def test_killed_while_the_job_clears_away(shelf, runtime, monkeypatch, call: int, after: bool) -> None:
    """The calls are: drop the parts, remove what a canceled upload left, remove what was deleted for good."""
    from app.domains.storage.gateway.s3 import Bucket
    from app.domains.storage.service.expiry import sweep

    [started] = await shelf.announce(("c.bin", b"c" * (9 * MIB)))
    upload = started["upload"]["id"]
    file = await shelf.put("gone.bin", b"gone")
    await shelf.call("DELETE", f"/api/v1/storage/uploads/{upload}")
    await shelf.call("DELETE", f"/api/v1/storage/objects/{file}")
    await shelf.call("DELETE", f"/api/v1/storage/deleted/{file}")
    with monkeypatch.context() as patch:
        dies_at(patch, call, after)
        with pytest.raises(asyncio.CancelledError):
            await sweep(runtime)
    await assert_books(shelf)
    await sweep(runtime)
    assert await sweep(runtime) == (0, 0)
    bucket = runtime.part(Bucket)
    assert await bucket.stat(shelf.key(file)) is None
    assert upload not in str([page async for page in bucket.list_uploads()])
    await assert_books(shelf)
    assert (await shelf.usage())["bytes"] == 0
