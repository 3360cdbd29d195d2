"""The comparison finds what was planted, both ways, and leaves the rest alone."""

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text


async def _compare(runtime):
    from app.domains.storage.service.compare import compare

    return await compare(runtime)


@contextmanager
def _later(runtime, hours: int = 30):
    from app.shared.clock import FixedClock

    usual, runtime.clock = runtime.clock, FixedClock(datetime.now(UTC) + timedelta(hours=hours))
    yield
    runtime.clock = usual  # sessions of people have ended by then


async def _empty(bucket) -> None:
    """What tests before this one left: a report names fifty findings, and ending an upload is a request."""
    token = ""
    while token is not None:
        stored, token = await bucket.list_objects(token)
        await bucket.remove([one.key for one in stored])
    uploads = [upload async for page in bucket.list_uploads() for upload in page]
    await asyncio.gather(*(bucket.drop_upload(one.key, one.id) for one in uploads))


async def test_planted_differences_are_found_and_mended(shelf, runtime) -> None:
    from app.domains.storage.gateway.s3 import Bucket

    bucket = runtime.part(Bucket)
    await _empty(bucket)
    good = await shelf.put("good.bin", b"g" * 100)
    missing = await shelf.put("missing.bin", b"m" * 100)
    shorter = await shelf.put("shorter.bin", b"s" * 100)
    project = shelf.browser.actor.project_id
    orphan, fresh, foreign = f"{project}/{uuid4()}", f"{project}/{uuid4()}", "terminal-recordings/one"
    await bucket.remove([shelf.key(missing)])
    await bucket._call("put_object", Key=shelf.key(shorter), Body=b"s" * 99)
    for key in (orphan, foreign):
        await bucket._call("put_object", Key=key, Body=b"o" * 10)
    lost_upload = await bucket.open_upload(f"{project}/{uuid4()}")
    [open_one] = await shelf.announce(("open.bin", b"o" * (9 << 20)))
    async with runtime.context(shelf.browser.actor) as ctx:
        await ctx.session.execute(text("UPDATE storage.storage_usage SET bytes = bytes + 7"))

    early = await _compare(runtime)
    assert (early.orphans, early.uploads_aborted) == (0, 0)  # younger than the grace
    assert (early.missing, early.size_differs, early.usage_corrected) == (1, 1, 1)
    again = await _compare(runtime)
    assert (again.missing, again.size_differs, again.usage_corrected) == (0, 0, 0)  # known already

    with _later(runtime):
        report = await _compare(runtime)
    await bucket._call("put_object", Key=fresh, Body=b"f")
    assert report.orphans >= 1 and f"orphan {orphan}" in report.samples and report.removed == report.orphans
    assert f"orphan {foreign}" not in report.samples
    assert report.uploads_aborted >= 1
    assert await bucket.stat(orphan) is None
    assert await bucket.stat(foreign) is not None
    assert lost_upload not in str([page async for page in bucket.list_uploads()])
    assert (await shelf.get(f"/api/v1/storage/uploads/{open_one['upload']['id']}")).status_code == 200
    damage = {name: (await shelf.get(f"/api/v1/storage/objects/{file}")).json()["damage"] for name, file in
              (("good", good), ("missing", missing), ("shorter", shorter))}  # fmt: skip
    assert damage == {"good": None, "missing": "missing", "shorter": "size"}
    assert "bytes are missing" in (await shelf.browser.client.get("/storage/files")).text

    await bucket._call("put_object", Key=shelf.key(missing), Body=b"m" * 100)
    healed = await _compare(runtime)
    assert healed.healed == 1
    assert (await shelf.usage())["bytes"] == 300


async def test_operators_read_the_reports_and_nobody_else(shelf, runtime, sign_in_as) -> None:
    report = await _compare(runtime)
    olga = await sign_in_as("olga", operator=True)
    body = (await olga.client.get("/api/v1/admin/storage/reports")).json()
    assert body["items"][0]["id"] == str(report.id)
    assert (await shelf.get("/api/v1/admin/storage/reports")).status_code == 403


async def test_orphans_are_only_reported_when_the_policy_says_so(shelf, runtime) -> None:
    from app.domains.storage.gateway.s3 import Bucket

    bucket = runtime.part(Bucket)
    orphan = f"{shelf.browser.actor.project_id}/{uuid4()}"
    await bucket._call("put_object", Key=orphan, Body=b"o")
    async with runtime.context(shelf.browser.actor) as ctx:
        await ctx.session.execute(
            text(
                "INSERT INTO shared.policy_values (id, key, tenant_id, project_id, value) "
                "VALUES (gen_random_uuid(), 'storage.remove_orphans', NULL, NULL, 'false'::jsonb)"
            )
        )
    with _later(runtime):
        report = await _compare(runtime)
    assert report.orphans >= 1 and report.removed == 0
    assert await bucket.stat(orphan) is not None
    await bucket.remove([orphan])
