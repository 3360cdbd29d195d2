"""Addresses of the store: each is for one upload, keeps no header of its sender, and is dead with that upload."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from tests.domains.storage.shelf import digest

MIB = 1 << 20
UNSIGNED = {
    "content-encoding": "gzip",
    "cache-control": "public, max-age=31536000",
    "content-type": "text/html",
    "content-disposition": "inline",
    "content-language": "xx",
    "expires": "Thu, 01 Dec 2039 16:00:00 GMT",
}
SIGNED_ONLY = ("x-amz-acl", "x-amz-meta-a", "x-amz-storage-class", "x-amz-tagging", "x-amz-website-redirect-location")
SIZES = pytest.mark.parametrize("size", [0, 5, 9 * MIB])


async def send_all(shelf, upload: dict, data: bytes) -> list[tuple[dict, bytes]]:
    """Everything of an upload, with headers that nobody signed; the addresses that were used and what went there."""
    each = upload["part_size"] or max(1, len(data))
    pieces = [data[start : start + each] for start in range(0, len(data), each)] or [b""]
    puts = [upload["put"]]
    if upload["part_size"]:
        body = {"parts": [{"number": n, "sha256": digest(piece)} for n, piece in enumerate(pieces, 1)]}
        answer = await shelf.browser.post_json(f"/api/v1/storage/uploads/{upload['id']}/parts", body)
        puts = [item["put"] for item in answer.json()["items"]]
    sent = [
        ({**put, "headers": {**put["headers"], **UNSIGNED}}, piece) for put, piece in zip(puts, pieces, strict=True)
    ]
    for put, piece in sent:
        assert (await shelf.send(put, piece)).status_code == 200
    return sent


async def kept(shelf, object_id: str) -> dict:
    from app.domains.storage.gateway.s3 import Bucket

    answer = await shelf.runtime.part(Bucket)._call("head_object", Key=shelf.key(object_id))
    return answer["ResponseMetadata"]["HTTPHeaders"]


@SIZES
async def test_no_header_of_a_sender_is_kept_and_nothing_is_taken_after_finish(shelf, size: int) -> None:
    data = b"d" * size
    [started] = await shelf.announce(("a.bin", data))
    sent = await send_all(shelf, started["upload"], data)
    [done] = await shelf.finish(started["upload"]["id"])
    assert done["refused"] is None
    before = await kept(shelf, done["id"])
    assert not set(before) & {"content-encoding", "cache-control", "content-disposition", "content-language", "expires"}
    assert before["content-type"] == "application/octet-stream"
    for put, piece in sent:
        assert (await shelf.send(put, piece)).status_code == 404
    assert (await kept(shelf, done["id"]))["last-modified"] == before["last-modified"]
    assert (await shelf.read(done["id"])).content == data


@SIZES
async def test_nothing_is_taken_after_cancel(shelf, size: int) -> None:
    from app.domains.storage.gateway.s3 import Bucket

    data = b"d" * size
    [started] = await shelf.announce(("a.bin", data))
    sent = await send_all(shelf, started["upload"], data)
    assert (await shelf.call("DELETE", f"/api/v1/storage/uploads/{started['upload']['id']}")).status_code == 200
    for put, piece in sent:
        assert (await shelf.send(put, piece)).status_code == 404
    assert await shelf.runtime.part(Bucket).stat(shelf.key(started["upload"]["id"])) is None


async def test_nothing_comes_back_after_a_file_was_purged(shelf, runtime) -> None:
    from app.domains.storage.gateway.s3 import Bucket
    from app.domains.storage.service.expiry import sweep

    [started] = await shelf.announce(("a.bin", b"data"))
    sent = await send_all(shelf, started["upload"], b"data")
    [done] = await shelf.finish(started["upload"]["id"])
    assert (await shelf.call("DELETE", f"/api/v1/storage/objects/{done['id']}")).status_code == 200
    assert (await shelf.call("DELETE", f"/api/v1/storage/deleted/{done['id']}")).status_code == 200
    await sweep(runtime)
    for put, piece in sent:
        assert (await shelf.send(put, piece)).status_code == 404
    assert await runtime.part(Bucket).stat(shelf.key(done["id"])) is None


async def test_an_upload_whose_time_is_over_takes_nothing(shelf, runtime) -> None:
    from app.domains.storage.service.expiry import sweep
    from app.shared.clock import FixedClock

    [started] = await shelf.announce(("a.bin", b"data"))
    sent = await send_all(shelf, started["upload"], b"data")
    runtime.clock = FixedClock(datetime.now(UTC) + timedelta(hours=49))
    assert await sweep(runtime) == (1, 0)
    for put, piece in sent:
        assert (await shelf.send(put, piece)).status_code == 404


@pytest.mark.parametrize("name", SIGNED_ONLY)
async def test_a_header_of_the_store_that_was_not_signed_is_refused(shelf, name: str) -> None:
    [started] = await shelf.announce(("a.bin", b"data"))
    put = started["upload"]["put"]
    answer = await shelf.send({**put, "headers": {**put["headers"], name: "a=1"}}, b"data")
    assert answer.status_code == 403


async def test_a_type_is_kept_as_it_was_said_or_refused_and_the_store_knows_none(shelf) -> None:
    sent = {"size": 4, "sha256": digest(b"data")}
    said = ["Text/HTML; charset=utf-8", "nonsense", ""]
    items = [{"path": f"{n}.txt", "content_type": kind, **sent} for n, kind in enumerate(said)]
    answer = await shelf.browser.post_json("/api/v1/storage/uploads", {"items": items})
    html, nonsense, none = answer.json()["items"]
    assert nonsense["refused"]["code"] == "validation_error" and "text/plain" in nonsense["refused"]["message"]
    for started, kind in ((html, said[0]), (none, "application/octet-stream")):
        await shelf.send(started["upload"]["put"], b"data")
        [done] = await shelf.finish(started["upload"]["id"])
        file = (await shelf.get(f"/api/v1/storage/objects/{done['id']}")).json()
        assert file["content_type"] == kind
        assert (await kept(shelf, done["id"]))["content-type"] == "application/octet-stream"


async def test_a_file_that_the_store_did_not_delete_is_tried_again(shelf, runtime, monkeypatch) -> None:
    from app.domains.storage.gateway.s3 import Bucket
    from app.domains.storage.service.expiry import sweep

    ids = [await shelf.put(f"{name}.bin", name.encode()) for name in "ab"]
    for file in ids:
        await shelf.call("DELETE", f"/api/v1/storage/objects/{file}")
        await shelf.call("DELETE", f"/api/v1/storage/deleted/{file}")
    ask = Bucket._ask

    async def refusing(bucket, operation, **wanted):
        if operation != "delete_objects":
            return await ask(bucket, operation, **wanted)
        left = [one for one in wanted["Delete"]["Objects"] if one["Key"] != shelf.key(ids[0])]
        answer = await ask(bucket, operation, Delete={"Objects": left, "Quiet": True})
        return {**answer, "Errors": [{"Key": shelf.key(ids[0]), "Code": "AccessDenied"}]}

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "_ask", refusing)
        assert await sweep(runtime) == (0, 1)
    assert await sweep(runtime) == (0, 1)
    assert await runtime.part(Bucket).stat(shelf.key(ids[0])) is None


async def test_addresses_live_for_a_minute_and_are_fresh_on_request(shelf) -> None:
    [started] = await shelf.announce(("a.bin", b"data"))
    put = started["upload"]["put"]
    assert put["expires_in"] <= 60 and f"X-Amz-Expires={put['expires_in']}" in put["url"]
    assert "uploadId=" in put["url"]
    seen = (await shelf.get(f"/api/v1/storage/uploads/{started['upload']['id']}")).json()
    assert (await shelf.send(seen["upload"]["put"], b"data")).status_code == 200


async def test_who_may_only_read_gets_no_address_to_write_to(shelf, runtime) -> None:
    from app.domains.storage.service import transfer
    from app.shared.authz.actor import RoleBinding
    from app.shared.authz.permissions import Role

    [started] = await shelf.announce(("a.bin", b"data"))
    ada = shelf.browser.actor
    bindings = (RoleBinding(Role.PROJECT_VIEWER, ada.tenant_id, ada.project_id),)
    viewer = msgspec.structs.replace(ada, bindings=bindings)
    seen = await transfer.progress(lambda: runtime.context(viewer), UUID(started["upload"]["id"]))
    assert seen.upload.size == 4 and seen.put is None


async def _policy(shelf, key: str, value: int) -> None:
    async with shelf.runtime.context(shelf.browser.actor) as ctx:
        await ctx.session.execute(
            text(
                "INSERT INTO shared.policy_values (id, key, tenant_id, project_id, value) "
                "VALUES (gen_random_uuid(), :key, NULL, NULL, CAST(:value AS jsonb))"
            ),
            {"key": key, "value": str(value)},
        )


@pytest.mark.parametrize(
    ("key", "value", "taken", "words"),
    [
        ("storage.account_uploads", 3, 3, "maximum number of unfinished uploads"),
        ("storage.account_upload_bytes", 350, 3, "50 B more"),
    ],
)
async def test_an_organisation_announces_so_much_in_all_its_projects(shelf, runtime, key, value, taken, words) -> None:
    """Three of a hundred bytes fit: one of them is another project's."""
    await _policy(shelf, key, value)
    ada = shelf.browser.actor
    async with runtime.context(ada) as ctx:
        await ctx.session.execute(
            text(
                "INSERT INTO storage.storage_usage (project_id, tenant_id, reserved_bytes, reserved_objects) "
                "VALUES (gen_random_uuid(), :mine, 100, 1), (gen_random_uuid(), gen_random_uuid(), 100, 1)"
            ),
            {"mine": ada.tenant_id},
        )
    items = await shelf.announce(*((f"f{n}", bytes([n]) * 100) for n in range(4)))
    refused = [item["refused"] for item in items if item["refused"]]
    assert len(items) - len(refused) == taken - 1
    assert {(one["code"], one["status"]) for one in refused} == {("storage_too_many_uploads", 409)}
    assert all(words in one["message"] for one in refused)
    first = next(item for item in items if item["upload"])
    await shelf.call("DELETE", f"/api/v1/storage/uploads/{first['upload']['id']}")
    [again] = await shelf.announce(("again", b"a" * 100))
    assert again["refused"] is None
