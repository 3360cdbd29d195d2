"""The pages without scripts: everything but uploading works by plain forms."""

import re

import pytest

from app.domains.storage.service import folders
from tests.fixtures.batches import look, run_batches


async def page(shelf, path: str, status: int = 200) -> str:
    answer = await shelf.browser.client.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.text[:500])
    return answer.text


async def submit(shelf, address: str, status: int = 303, /, **fields: str) -> str:
    form = shelf.browser.form(**fields)
    answer = await shelf.browser.client.post(address, data=form, headers={"sec-fetch-site": "same-origin"})
    assert answer.status_code == status, (address, answer.status_code, answer.text[:800])
    return answer.headers.get("location", answer.text)


async def test_a_new_project_has_a_namespace_that_is_written_on_first_use(shelf) -> None:
    assert 'href="/storage/files"' in await page(shelf, "/storage")
    assert "Nothing here yet" in await page(shelf, "/storage/files")
    await page(shelf, "/storage/nowhere", 404)
    await page(shelf, "/storage/files?folder=nowhere", 404)


async def test_namespaces_are_made_renamed_and_deleted(shelf) -> None:
    assert await submit(shelf, "/storage/namespaces", name="data") == "/storage/data"
    assert "Use 1 to 40" in await submit(shelf, "/storage/namespaces", 422, name="No Good")
    await submit(shelf, "/storage/namespaces", 409, name="data")
    assert await submit(shelf, "/storage/data/rename", name="sets") == "/storage/sets"
    await shelf.put("a.txt", b"a", namespace="sets")
    await submit(shelf, "/storage/sets/delete", 409)
    overview = await page(shelf, "/storage")
    assert 'href="/storage/files"' in overview and 'href="/storage/sets"' in overview
    assert await submit(shelf, "/storage/files/delete") == "/storage"


async def test_folders_are_made_moved_deleted_and_brought_back(shelf) -> None:
    assert await submit(shelf, "/storage/files/folders", name="runs/one") == "/storage/files?folder=runs%2Fone"
    await shelf.put("runs/one/a.txt", b"a")
    await shelf.put("runs/one/deep/b.txt", b"b")
    await submit(shelf, "/storage/files/folders/move", path="runs/one", new_path="old/first")
    assert await shelf.names() == ["old/", "runs/"]
    assert await shelf.names("old/first") == ["deep/", "a.txt"]
    assert await shelf.names("old/first/deep") == ["b.txt"]
    await submit(shelf, "/storage/files/folders/move", 422, path="old", new_path="old/below")
    back = await submit(shelf, "/storage/files/folders/delete", path="old/first")
    assert await shelf.names("old") == []
    shown = await page(shelf, back)
    assert "old/first was deleted." in shown
    at = re.search(r'name="at" value="([^"]+)"', shown)[1]
    await submit(shelf, "/storage/files/folders/restore", path="old/first", at=at)
    assert await shelf.names("old/first") == ["deep/", "a.txt"]


async def test_a_file_is_looked_into_moved_deleted_and_brought_back(shelf) -> None:
    hostile = b'<script>alert(1)</script><img src=x onerror="alert(2)">\xc3\xa9'
    file = await shelf.put("pages/x.html", hostile)
    shown = await page(shelf, f"/storage/objects/{file}")
    assert "&lt;script&gt;alert(1)" in shown and "<script>alert" not in shown
    assert "UTF-8" in shown
    answer = await shelf.browser.client.get(f"/storage/objects/{file}/download")
    assert answer.status_code == 303
    bytes_of_it = await shelf.s3.get(answer.headers["location"])
    assert bytes_of_it.headers["content-type"] == "application/octet-stream"
    assert bytes_of_it.headers["content-disposition"].startswith("attachment")
    await submit(shelf, f"/storage/objects/{file}/move", path="pages/y.html")
    assert await shelf.names("pages") == ["y.html"]
    back = await submit(shelf, f"/storage/objects/{file}/delete")
    assert await shelf.names("pages") == []
    await page(shelf, f"/storage/objects/{file}", 404)
    assert "pages/y.html was deleted." in await page(shelf, back)
    assert "pages/y.html" in await page(shelf, "/storage/files/deleted")
    await submit(shelf, f"/storage/objects/{file}/restore")
    assert await shelf.names("pages") == ["y.html"]
    assert (await shelf.read(file)).content == hostile


async def test_an_image_is_shown_from_the_store_and_an_svg_only_as_an_image(shelf) -> None:
    file = await shelf.put("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    shown = await page(shelf, f"/storage/objects/{file}")
    own = re.search(r'<img src="([^"]+)"', shown)[1]
    address = (await shelf.browser.client.get(own)).headers["location"]
    assert address.startswith(shelf.runtime.settings.s3.public_url)
    policy = (await shelf.browser.client.get(f"/storage/objects/{file}")).headers["content-security-policy"]
    assert f"img-src 'self' data: {shelf.runtime.settings.s3.public_url}" in policy
    shown = await shelf.s3.get(address)
    assert shown.headers["content-type"] == "image/svg+xml"
    assert shown.headers["content-disposition"].startswith(
        "attachment;"
    )  # opened by itself it is saved, and runs nothing
    binary = await shelf.put("w.bin", bytes(range(256)) * 8)
    assert "no preview of this kind" in await page(shelf, f"/storage/objects/{binary}")
    empty = await shelf.put("empty", b"")
    assert "This file is empty" in await page(shelf, f"/storage/objects/{empty}")


async def test_a_link_is_shown_once_and_ends(shelf, client) -> None:
    file = await shelf.put("share me.txt", b"shared")
    shown = await submit(shelf, f"/storage/objects/{file}/share", 200, hours="1")
    address = re.search(r'data-copy="(http[^"]+)"', shown)[1].replace("&amp;", "&")
    path = address.removeprefix(shelf.runtime.settings.web.public_url)
    on = await client.get(path)  # anybody, without a session
    assert (on.status_code, on.headers["cache-control"]) == (303, "no-store")
    assert "X-Amz-Expires=5&" in on.headers["location"]
    got = await shelf.s3.get(on.headers["location"])
    assert (got.content, got.headers["content-disposition"].startswith("attachment")) == (b"shared", True)
    assert "curl --fail --location" in shown
    again = await page(shelf, f"/storage/objects/{file}")
    assert "Links that work" in again and "key=" not in again
    await submit(shelf, f"/storage/objects/{file}/share", 422, hours="9999")
    await submit(shelf, f"/storage/objects/{file}/delete")
    assert "was deleted" in (await client.get(path)).text
    await submit(shelf, f"/storage/objects/{file}/restore")
    assert (await client.get(path)).status_code == 303
    revoke = re.search(r'action="([^"]+/revoke)"', await page(shelf, f"/storage/objects/{file}"))[1]
    await submit(shelf, revoke)
    ended = await client.get(path, headers={"accept": "text/html"})
    assert (ended.status_code, "was revoked" in ended.text) == (410, True)
    assert "Links that work" not in await page(shelf, f"/storage/objects/{file}")
    await submit(shelf, f"/storage/objects/{file}/delete")
    await submit(shelf, f"/storage/objects/{file}/purge")
    assert (await client.get(path)).status_code == 410


@pytest.mark.parametrize("key", ["", "x", "A" * 64, "é" * 10, "A" * 63 + "=", "%00" * 4, "-" * 64])
async def test_a_key_that_nobody_was_given_leads_nowhere(shelf, client, key: str) -> None:
    assert (await client.get("/shared", params={"key": key})).status_code == 404


async def test_search_order_and_pages(shelf) -> None:
    await shelf.put("b/Model-one.bin", b"1" * 30)
    await shelf.put("b/c/model_two.bin", b"2" * 20)
    await shelf.put("b/other", b"3" * 10)
    found = (await shelf.get("/api/v1/storage/objects", q="model")).json()["items"]
    assert [file["path"] for file in found] == ["b/Model-one.bin", "b/c/model_two.bin"]
    assert (await shelf.get("/api/v1/storage/objects", q="model_two")).json()["items"][0]["name"] == "model_two.bin"
    assert (await shelf.get("/api/v1/storage/objects", q="100%")).json()["items"] == []
    assert "b/c/model_two.bin" in await page(shelf, "/storage/files?q=MODEL")
    for sort, wanted in (("name", ["Model-one.bin", "other"]), ("size", ["other", "Model-one.bin"])):
        for direction, names in (("", wanted), ("-", wanted[::-1])):
            seen, cursor = [], None
            for _ in range(3):
                params = {"folder": "b", "sort": direction + sort, "limit": 1, **({"cursor": cursor} if cursor else {})}
                body = (await shelf.get("/api/v1/storage/objects", **params)).json()
                seen += [entry["name"] for entry in (*body["folders"], *body["items"])]
                cursor = body["next_cursor"]
            assert seen == ["c", *names] and cursor is None
    answer = await shelf.get("/api/v1/storage/objects", folder="b", sort="size", cursor="WyJvIiwieCIsInkiXQ")
    assert answer.status_code == 422


async def test_a_large_folder_comes_back_in_steps(shelf, runtime, monkeypatch) -> None:
    monkeypatch.setattr(folders, "AT_ONCE", 1)
    await shelf.put("old/a.txt", b"a")
    await shelf.put("old/deep/b.txt", b"b")
    shown = await page(shelf, await submit(shelf, "/storage/files/folders/delete", path="old"))
    await shelf.put("old/a.txt", b"another")  # its path is taken by now: the old one stays where it is
    at = re.search(r'name="at" value="([^"]+)"', shown)[1]
    await submit(shelf, "/storage/files/folders/restore", path="old", at=at)
    assert await shelf.names("old") == ["a.txt"]
    await run_batches(runtime, folders.RESTORE_MANY)
    assert (await look(runtime, folders.RESTORE_MANY)).state == "done"
    assert await shelf.names("old") == ["deep/", "a.txt"]
    assert await shelf.names("old/deep") == ["b.txt"]
