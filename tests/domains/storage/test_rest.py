"""The API: versions, whose files they are, hostile names, large folders."""

import os
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.domains.storage.shelf import counted, digest

ROOT = Path(__file__).resolve().parents[3]
CORPORA = Path(os.environ.get("BERTH_CORPORA", ROOT.parent / "shared" / "corpora"))
TRICKS = ROOT / "tests" / "shared" / "storagepath" / "tricks.txt"


async def test_a_change_may_name_the_version_that_it_saw(shelf) -> None:
    file = await shelf.put("a.txt", b"a")
    path = f"/api/v1/storage/objects/{file}"
    seen = (await shelf.get(path)).headers["etag"]
    assert (await shelf.call("PATCH", path, {"path": "b.txt"}, **{"if-match": seen})).status_code == 200
    stale = await shelf.call("PATCH", path, {"path": "c.txt"}, **{"if-match": seen})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "version_changed")
    assert (await shelf.call("DELETE", path, **{"if-match": seen})).status_code == 412
    assert (await shelf.call("DELETE", path)).status_code == 200
    assert (await shelf.call("DELETE", path)).status_code == 404


async def test_a_file_moves_between_namespaces_and_its_bytes_stay(shelf) -> None:
    file = await shelf.put("a.txt", b"a")
    await shelf.browser.post_json("/api/v1/storage/namespaces", {"name": "other"})
    moved = await shelf.call("PATCH", f"/api/v1/storage/objects/{file}", {"path": "x/a.txt", "namespace": "other"})
    assert moved.status_code == 200
    assert (await shelf.names(), await shelf.names("x", "other")) == ([], ["a.txt"])
    assert (await shelf.read(file)).content == b"a"
    blocked = await shelf.put("a.txt", b"b")
    taken = await shelf.call("PATCH", f"/api/v1/storage/objects/{blocked}", {"path": "x/a.txt", "namespace": "other"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "storage_path_taken")


async def test_other_peoples_files_are_not_there(shelf, sign_in_as) -> None:
    file = await shelf.put("mine.txt", b"mine")
    gone = await shelf.put("gone.txt", b"gone")
    await shelf.call("DELETE", f"/api/v1/storage/objects/{gone}")
    [started] = await shelf.announce(("open.txt", b"open"))
    await shelf.browser.post_json("/api/v1/storage/namespaces", {"name": "private"})
    upload = started["upload"]["id"]
    ben = type(shelf)(shelf.runtime, await sign_in_as("ben"))
    objects, deleted, uploads = ("/api/v1/storage/" + kind for kind in ("objects", "deleted", "uploads"))
    calls = [
        ("GET", f"{objects}/{file}", None),
        ("GET", f"{objects}/{file}/address", None),
        ("GET", f"{objects}/{file}/links", None),
        ("GET", f"/storage/objects/{file}", None),
        ("GET", f"/storage/objects/{file}/download", None),
        ("PATCH", f"{objects}/{file}", {"path": "x"}),
        ("DELETE", f"{objects}/{file}", None),
        ("POST", f"{objects}/{file}/links", {"hours": 1}),
        ("POST", f"{deleted}/{gone}/restore", None),
        ("DELETE", f"{deleted}/{gone}", None),
        ("GET", f"{uploads}/{upload}", None),
        ("DELETE", f"{uploads}/{upload}", None),
        ("POST", f"{uploads}/{upload}/parts", {"parts": [{"number": 1, "sha256": "A" * 43 + "="}]}),
        ("GET", "/api/v1/storage/namespaces/private", None),
        ("PATCH", "/api/v1/storage/namespaces/private", {"name": "x"}),
        ("DELETE", "/api/v1/storage/namespaces/private", None),
        ("GET", "/api/v1/storage/objects?namespace=private", None),
        ("GET", "/storage/private", None),
        ("POST", "/api/v1/storage/uploads", {"namespace": "private", "items": [{"path": "x", "size": 9 << 20}]}),
        ("POST", "/api/v1/storage/folders", {"namespace": "private", "path": "x"}),
    ]
    for method, path, body in calls:
        answer = await ben.call(method, path, body)
        named = body is not None and "namespace" in body  # a fault of its field
        assert answer.status_code == (422 if named else 404), (method, path, answer.status_code, answer.text[:300])
    [refused] = await ben.finish(upload)
    assert refused["refused"]["code"] == "not_found"
    assert (await ben.usage())["bytes"] == 0
    await ben.s3.aclose()


def hostile_lines() -> list[str]:
    """Our excerpt, and the public collections where they are."""
    lines = [line.encode().decode("unicode_escape") for line in TRICKS.read_text("utf-8").splitlines()]
    for file in sorted((CORPORA / "payloads").glob("*.txt")) if CORPORA.exists() else ():
        lines += [line.decode("utf-8", "replace") for line in file.read_bytes().split(b"\n")]
    if CORPORA.exists():
        lines += (CORPORA / "blns.txt").read_text("utf-8", "replace").splitlines()
    return list(dict.fromkeys(line for line in lines if line))


async def test_hostile_names_are_refused_or_come_back_as_they_are(shelf) -> None:
    """Announced over the API, a hundred at once: what is taken is listed under its own name and nowhere else."""
    from app.shared.storagepath import MAX_BYTES, BadPath, parse

    without = {"items": [{"path": "fine.txt", "size": 0}, {"path": "a\0b", "size": 0}]}
    refused = await shelf.browser.post_json("/api/v1/storage/uploads", without)
    assert set(refused.json()["error"]["details"]["fields"]) == {"items[1].path"}
    lines = [line for line in hostile_lines() if "\0" not in line]
    for start in range(0, len(lines), 100):
        batch = lines[start : start + 100]
        body = {"items": [{"path": line, "size": 0, "sha256": digest(b"")} for line in batch]}
        answer = await shelf.browser.post_json("/api/v1/storage/uploads", body)
        for line, item in zip(batch, counted(answer, 201), strict=True):
            try:
                wanted = parse(line)
            except BadPath:
                assert item["refused"]["code"] == "validation_error", line
            else:
                assert item["upload"] or item["refused"]["code"] == "storage_too_many_uploads"
                assert item["path"] == wanted[:MAX_BYTES]


async def test_hostile_names_as_folders_search_words_and_forms_break_no_page(shelf) -> None:
    lines = hostile_lines()
    for line in lines[:: max(1, len(lines) // 50)]:
        for params in ({"folder": line[:1000]}, {"q": line[:190]}, {"sort": line[:100]}, {"cursor": line[:400]}):
            answer = await shelf.browser.client.get("/storage/files", params=params)
            assert answer.status_code in (200, 400, 404, 422), (line, params, answer.status_code)
    for line in lines[:: max(1, len(lines) // 25)]:
        form = shelf.browser.form(folder="", name=line)
        answer = await shelf.browser.client.post(
            "/storage/files/folders", data=form, headers={"sec-fetch-site": "same-origin"}
        )
        assert answer.status_code in (303, 409, 422), (line, answer.status_code)
        if answer.status_code == 303:
            shown = await shelf.browser.client.get(answer.headers["location"])
            assert shown.status_code == 200, line


PLANT = text("""
    INSERT INTO storage.storage_objects (id, tenant_id, project_id, namespace_id, folder, name, size, content_type,
           checksum, state, created_at, changed_at)
    SELECT gen_random_uuid(), :tenant_id, :project_id, :namespace_id, 'big', 'file-' || lpad(n::text, 6, '0'), n,
           'text/plain', 'x', 'visible', clock_timestamp() + n * interval '1 ms', clock_timestamp()
    FROM generate_series(1, 100000) n
""")


@pytest.mark.slow
async def test_a_page_of_a_folder_of_a_hundred_thousand_files_takes_less_than_100_ms(shelf, runtime) -> None:
    await shelf.put("big/first", b"1")
    actor = shelf.browser.actor
    async with runtime.context(actor) as ctx:
        from app.domains.storage.service import views

        namespace = await views.get_namespace(ctx, "files")
        place = {"tenant_id": actor.tenant_id, "project_id": actor.project_id, "namespace_id": namespace.id}
        await ctx.session.execute(PLANT, place)
        await ctx.session.execute(text("ANALYZE storage.storage_objects"))
    for sort in ("name", "-name", "size", "-size", "changed", "-changed"):
        cursor, spent = None, []
        for _ in range(5):
            params = {"folder": "big", "sort": sort, "limit": 100, **({"cursor": cursor} if cursor else {})}
            began = time.perf_counter()
            answer = await shelf.get("/api/v1/storage/objects", **params)
            spent.append(time.perf_counter() - began)
            cursor = answer.json()["next_cursor"]
            assert len(answer.json()["items"]) == 100
        print(sort, [round(seconds * 1000) for seconds in spent])
        assert sorted(spent)[2] < 0.1, (sort, spent)
    began = time.perf_counter()
    assert (await shelf.get("/api/v1/storage/objects", q="file-099999")).json()["items"]
    print("search", round((time.perf_counter() - began) * 1000))


HEX = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"


@pytest.mark.parametrize("spelling", [HEX, HEX.lower(), digest(b"")])
async def test_a_digest_may_be_given_in_hexadecimal_or_in_base64(shelf, spelling: str) -> None:
    body = {"items": [{"path": "a", "size": 0, "sha256": spelling}]}
    [started] = counted(await shelf.browser.post_json("/api/v1/storage/uploads", body), 201)
    assert (await shelf.send(started["upload"]["put"], b"")).status_code == 200
    [done] = await shelf.finish(started["upload"]["id"])
    assert done["status"] == 200
    again = counted(await shelf.browser.post_json("/api/v1/storage/uploads", body), 201)
    assert [(item["status"], item["same_as"]) for item in again] == [(200, done["id"])]


@pytest.mark.parametrize(
    "wrong", [HEX[:-1], HEX + "0", "g" * 64, digest(b"")[:-1], digest(b"").rstrip("="), "A" * 43 + "-", "A" * 44,
              "\uff10" * 64, digest(b"")[:-2] + "V=", f" {HEX}", "sha256:" + HEX],
)  # fmt: skip
async def test_a_digest_of_another_form_is_refused_under_its_path(shelf, wrong: str) -> None:
    items = [{"path": "a", "size": 0, "sha256": HEX}, {"path": "b", "size": 9 << 20, "sha256": wrong}]
    answer = await shelf.browser.post_json("/api/v1/storage/uploads", {"items": items})
    assert answer.status_code == 422
    assert list(answer.json()["error"]["details"]["fields"]) == ["items[1].sha256"]
    assert "hexadecimal (64 digits) or base64 (44 characters)" in answer.text
    [started] = await shelf.announce(("big", bytes(9 << 20)))
    parts = {"parts": [{"number": 1, "sha256": HEX}, {"number": 2, "sha256": wrong}]}
    answer = await shelf.browser.post_json(f"/api/v1/storage/uploads/{started['upload']['id']}/parts", parts)
    assert (answer.status_code, list(answer.json()["error"]["details"]["fields"])) == (422, ["parts[1].sha256"])


async def test_some_refused_is_207_and_all_refused_is_422_each_with_the_items(shelf) -> None:
    await shelf.announce(("there", b""))
    some = {"items": [{"path": "a", "size": 0, "sha256": HEX}, {"path": "../b", "size": 0, "sha256": HEX}]}
    answer = await shelf.browser.post_json("/api/v1/storage/uploads", some)
    assert answer.status_code == 207
    assert [item["status"] for item in counted(answer, 201)] == [201, 422]
    none = {"items": [{"path": "../a", "size": 0, "sha256": HEX}, {"path": "..", "size": 0, "sha256": HEX}]}
    answer = await shelf.browser.post_json("/api/v1/storage/uploads", none)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_error")
    assert len(counted(answer, 201)) == 2
    again = await shelf.browser.post_json("/api/v1/storage/uploads", none)
    assert again.status_code == 422
