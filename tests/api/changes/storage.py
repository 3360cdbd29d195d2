"""How a customer asks for each change of what they store; the bucket is real."""

from __future__ import annotations

from typing import Any

from tests.api.changes.world import Ask, Recipe, World, plain
from tests.domains.storage.shelf import Shelf, digest

DATA = b"ship's log"
LARGE = 64 << 20  # more than goes in one piece


async def _file(w: World, path: str = "sets/a.bin") -> str:
    shelf = Shelf(w.runtime, w.ada)
    try:
        return await shelf.put(path, DATA)
    finally:
        await shelf.s3.aclose()


async def _upload(w: World, **item: Any) -> str:
    begun = await w.do("ada", "POST", "/storage/uploads", {"items": [{"path": "b.bin", **item}]})
    return str(begun["items"][0]["upload"]["id"])


def _item(path: str) -> dict[str, Any]:
    return {"path": path, "size": len(DATA), "sha256": digest(DATA)}


async def announce(_w: World) -> Ask:
    return Ask(body={"items": [_item("b.bin")]}, other={"items": [_item("c.bin")]})


async def finish(w: World) -> Ask:
    shelf = Shelf(w.runtime, w.ada)
    [begun] = await shelf.announce(("b.bin", DATA))
    assert (await shelf.send(begun["upload"]["put"], DATA)).status_code == 200
    await shelf.s3.aclose()
    return Ask(body={"ids": [begun["upload"]["id"]]}, other={"overwrite": True})


async def abandon(w: World) -> Ask:
    return Ask(path={"upload_id": await _upload(w, size=len(DATA), sha256=digest(DATA))})


async def parts(w: World) -> Ask:
    one, two = ({"number": number, "sha256": digest(DATA)} for number in (1, 2))
    return Ask(body={"parts": [one]}, other={"parts": [two]}, path={"upload_id": await _upload(w, size=LARGE)})


def on_file(**ask: Any) -> Recipe:
    async def recipe(w: World) -> Ask:
        return Ask(**ask, path={"object_id": await _file(w)})

    return recipe


def on_deleted() -> Recipe:
    async def recipe(w: World) -> Ask:
        object_id = await _file(w)
        await w.do("ada", "DELETE", f"/storage/objects/{object_id}")
        return Ask(path={"object_id": object_id})

    return recipe


async def end_link(w: World) -> Ask:
    object_id = await _file(w)
    link_id = await w.make(f"/storage/objects/{object_id}/links", {"hours": 1})
    return Ask(path={"object_id": object_id, "link_id": link_id})


async def copy(w: World) -> Ask:
    body = {"object_id": await _file(w), "allocation_id": str(await w.deployed()), "target": "a.bin"}
    return Ask(body=body, other={"target": "b.bin"})


def on_folder(**body: Any) -> Recipe:
    async def recipe(w: World) -> Ask:
        await _file(w)
        await _file(w, "more/a.bin")
        return Ask(body=body, other={"new_path": "farm"} if "new_path" in body else {"path": "more"})

    return recipe


async def restore_folder(w: World) -> Ask:
    await _file(w)
    await w.do("ada", "POST", "/storage/folders/delete", {"path": "sets"})
    [gone] = await w.items("/storage/deleted")
    body = {"path": "sets", "deleted_at": gone["deleted_at"]}
    return Ask(body=body, other={"path": "more"})


async def _namespace(w: World) -> str:
    await w.do("ada", "POST", "/storage/namespaces", {"name": "mill"})
    return "mill"


async def delete_namespace(w: World) -> Ask:
    return Ask(path={"name": await _namespace(w)})


async def rename_namespace(w: World) -> Ask:
    return Ask(body={"name": "barn"}, other={"name": "farm"}, path={"name": await _namespace(w)})


RECIPES: dict[str, Recipe] = {
    "POST /storage/uploads": announce,
    "POST /storage/uploads/finish": finish,
    "DELETE /storage/uploads/{upload_id}": abandon,
    "POST /storage/uploads/{upload_id}/parts": parts,
    "DELETE /storage/objects/{object_id}": on_file(),
    "PATCH /storage/objects/{object_id}": on_file(body={"path": "mill"}, other={"path": "farm"}),
    "POST /storage/objects/{object_id}/links": on_file(body={"hours": 1}, other={"hours": 2}),
    "DELETE /storage/objects/{object_id}/links/{link_id}": end_link,
    "POST /storage/deleted/{object_id}/restore": on_deleted(),
    "DELETE /storage/deleted/{object_id}": on_deleted(),
    "POST /storage/copies": copy,
    "POST /storage/folders": plain(path="mill", other={"path": "farm"}),
    "POST /storage/folders/delete": on_folder(path="sets"),
    "POST /storage/folders/move": on_folder(path="sets", new_path="mill"),
    "POST /storage/folders/restore": restore_folder,
    "POST /storage/namespaces": plain(name="mill", other={"name": "farm"}),
    "DELETE /storage/namespaces/{name}": delete_namespace,
    "PATCH /storage/namespaces/{name}": rename_namespace,
}
