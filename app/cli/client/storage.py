"""`berth storage …`: files in namespaces. The bytes go to the store itself, in parts that need not be sent twice.

Remote paths are `berth:NAMESPACE/PATH`; everything else is a file of this computer.
"""

import base64
import hashlib
import mimetypes
import sys
import unicodedata
from pathlib import Path
from typing import Any, BinaryIO

import click
import httpx2

from app.cli.client import connection, local, names, output
from app.cli.client.connection import NotReached
from app.cli.client.exits import ApiError, Exit, Failure
from app.cli.client.http import Api, Json
from app.cli.client.options import api_command
from app.cli.client.results import show, show_list
from app.cli.client.root import berth

PATH = "/api/v1/storage"
PREFIX = "berth:"
PIECE = 8 * 1024 * 1024  # up to here a file is sent whole
CHUNK = 1024 * 1024
STORE_TIMEOUT = httpx2.Timeout(300.0, connect=5.0)


@berth.group("storage")
def storage() -> None:
    """Files; remote paths are berth:NAMESPACE/PATH."""


def remote(ref: str) -> tuple[str, str]:
    """Namespace and path, composed (Unicode NFC) as the store wants it and some computers do not keep it. Raises
    Failure."""
    namespace, _, path = unicodedata.normalize("NFC", ref).removeprefix(PREFIX).partition("/")
    if not ref.startswith(PREFIX) or not namespace:
        raise Failure(f"{ref!r} is no remote path.", Exit.USAGE, "Write it as berth:NAMESPACE/PATH.")
    return namespace, path.strip("/")


def find_object(api: Api, ref: str) -> Json:
    """The file at a remote path. Raises Failure."""
    namespace, path = remote(ref)
    folder = path.rpartition("/")[0]
    for row in api.each(f"{PATH}/objects", namespace=namespace, folder=folder, limit=200):
        if row["path"].strip("/") == path:
            return row
    raise Failure(f"There is no file {ref}.", Exit.NOT_FOUND, f"Look with: berth storage ls berth:{namespace}")


@api_command(storage, "namespaces")
def namespaces(api: Api, as_json: bool) -> None:
    """Namespaces of the project."""
    show_list(
        api, as_json, f"{PATH}/namespaces", ("NAME", "FILES", "SIZE"),
        lambda row: (row["name"], row["objects"], output.size(row["bytes"])), "No namespaces yet.",
    )  # fmt: skip


@api_command(storage, "ls")
@click.argument("path", default="berth:files")
def storage_ls(api: Api, as_json: bool, path: str) -> None:
    """Folders and files at a remote path."""
    namespace, folder = remote(path)
    page = api.get(f"{PATH}/objects", namespace=namespace, folder=folder, limit=200)
    folders, rows, cursor = page["folders"], list(page["items"]), page["next_cursor"]
    while cursor:
        page = api.get(f"{PATH}/objects", namespace=namespace, folder=folder, limit=200, cursor=cursor)
        folders, rows, cursor = folders + page["folders"], rows + page["items"], page["next_cursor"]
    if as_json:
        output.show_json({"folders": folders, **output.listed(rows)})
        return
    lines: list[tuple[object, ...]] = [(f"{folder['name'].rstrip('/')}/", "", "") for folder in folders]
    lines += [(row["name"], output.size(row["size"]), output.moment(row["changed_at"])) for row in rows]
    output.table(("NAME", "SIZE", "CHANGED"), lines, f"Nothing is there. Upload with: berth storage cp FILE {path}/")


@api_command(storage, "cp")
@click.argument("source")
@click.argument("target")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def storage_cp(api: Api, as_json: bool, source: str, target: str, overwrite: bool) -> None:
    """Upload a file, or download one. An upload that was cut goes on where it was."""
    if target.startswith(PREFIX) and not source.startswith(PREFIX):
        answer = upload(api, local.named(source), target, overwrite)
        show(answer, as_json, f"{source} is at {target}.")
    elif source.startswith(PREFIX) and not target.startswith(PREFIX):
        path = download(api, source, target, overwrite)
        show(find_object(api, source) if as_json else {}, as_json, f"{source} is at {path}.")
    else:
        raise Failure("One of the two must be a remote path, berth:NAMESPACE/PATH.", Exit.USAGE)


def upload(api: Api, file: Path, target: str, overwrite: bool) -> Json:
    """Send one file; answers what became of it. Raises Failure."""
    namespace, path = remote(target)
    if target.endswith("/") or not path:
        path = f"{path}/{unicodedata.normalize('NFC', file.name)}".strip("/")
    with local.opened(file) as (stream, size):
        upload = _start_upload(api, stream, namespace, path, size, overwrite)
        if upload is None:
            return {"path": path, "same": True}
        if upload["part_size"]:
            _send_parts(api, stream, upload)
        else:
            stream.seek(0)
            _put(upload["put"], _exactly(stream, size))
    try:
        done = api.post(f"{PATH}/uploads/finish", {"ids": [upload["id"]], "overwrite": overwrite})["items"][0]
    except ApiError as error:
        raise _not_taken(error, overwrite) from error
    return dict(done)


def _not_taken(error: ApiError, overwrite: bool) -> Failure:
    """Of one file, a refusal of all is its own."""
    if error.status != 422:
        return error
    hint = "Replace it with --overwrite." if error.code == "storage_path_taken" and not overwrite else ""
    return Failure(error.message, Exit.CONFLICT, hint, error.correlation_id, error.code)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """The next bytes of a file that is as long as it was. Raises Failure."""
    content = stream.read(size)
    if len(content) != size:
        raise Failure("The file became shorter while it was sent.", Exit.CONFLICT, "Start again when it is whole.")
    return content


def _start_upload(api: Api, stream: BinaryIO, namespace: str, path: str, size: int, overwrite: bool) -> Json | None:
    """An upload of this file that was cut, or a new one; None when these bytes are there already."""
    for row in api.items(f"{PATH}/uploads", namespace=namespace):
        if row["path"].strip("/") == path and row["size"] == size and row["part_size"]:
            return row
    item: Json = {"path": path, "size": size, "content_type": mimetypes.guess_type(path)[0] or ""}
    if size <= PIECE:
        item["sha256"] = _digest(_exactly(stream, size))
    body = {"namespace": namespace, "overwrite": overwrite, "items": [item]}
    try:
        answer = api.post(f"{PATH}/uploads", body)["items"][0]
    except ApiError as error:
        raise _not_taken(error, overwrite) from error
    return None if answer["upload"] is None else dict(answer["upload"])


def _send_parts(api: Api, stream: BinaryIO, upload: Json) -> None:
    size, part_size = upload["size"], upload["part_size"]
    count = -(-size // part_size)
    held = {part["number"]: part["sha256"] for part in api.get(f"{PATH}/uploads/{upload['id']}")["parts"]}
    with _progress(size, upload["path"]) as bar:
        for number in range(1, count + 1):
            stream.seek((number - 1) * part_size)
            piece = _exactly(stream, min(part_size, size - (number - 1) * part_size))
            digest = _digest(piece)
            if held.get(number) != digest:
                wanted = {"parts": [{"number": number, "sha256": digest}]}
                _put(api.post(f"{PATH}/uploads/{upload['id']}/parts", wanted)["items"][0]["put"], piece)
            bar.update(len(piece))


def _progress(size: int, label: str) -> Any:
    return click.progressbar(length=size, label=output.plain(label), file=sys.stderr)


def _put(where: Json, content: bytes) -> None:
    for last in (False, False, True):
        try:
            with connection.open_client(where["url"], timeout=STORE_TIMEOUT) as client:
                answer = connection.exchange(
                    client, "PUT", where["url"], content=content, headers=where["headers"], where="The store of files"
                )
        except NotReached as error:
            if last or not error.again:
                raise
            continue
        if 200 <= answer.status_code < 300:
            return
        if answer.status_code < 500 or last:
            raise Failure(f"The store refused the bytes ({answer.status_code}).", Exit.UNAVAILABLE)


def download(api: Api, source: str, target: str, overwrite: bool) -> Path:
    """Fetch one file; a broken transfer leaves nothing behind. Raises Failure."""
    found = find_object(api, source)
    path = local.target_of(target, str(found["name"]), overwrite=overwrite)
    address = api.get(f"{PATH}/objects/{found['id']}/address")["url"]
    with local.replaced(path) as file, connection.open_client(address, timeout=STORE_TIMEOUT) as client:
        with connection.streamed(client, "GET", address, where="The store of files") as answer:
            if not answer.is_success:
                raise Failure(f"The store did not give the file ({answer.status_code}).", Exit.UNAVAILABLE)
            with _progress(found["size"], str(found["name"])) as bar:
                got = 0
                for chunk in answer.iter_bytes(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
                    got += len(chunk)
        if got != found["size"]:
            raise Failure("The transfer was cut. Nothing was kept.", Exit.UNAVAILABLE)
    return path


def _digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@api_command(storage, "mv")
@click.argument("source")
@click.argument("target")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def storage_mv(api: Api, as_json: bool, source: str, target: str, overwrite: bool) -> None:
    """Give a remote file another path or namespace."""
    found, (namespace, path) = find_object(api, source), remote(target)
    if target.endswith("/") or not path:
        path = f"{path}/{found['name']}".strip("/")
    answer = api.patch(f"{PATH}/objects/{found['id']}", {"path": path, "namespace": namespace, "overwrite": overwrite})
    show(answer, as_json, f"{source} is at {PREFIX}{namespace}/{path} now.")


@api_command(storage, "rm")
@click.argument("path")
def storage_rm(api: Api, as_json: bool, path: str) -> None:
    """Delete a remote file; for some days berth storage undo brings it back."""
    answer = api.delete(f"{PATH}/objects/{find_object(api, path)['id']}")
    show(answer, as_json, f"{path} is deleted. Bring it back with: berth storage undo {path}")


@api_command(storage, "undo")
@click.argument("path")
def storage_undo(api: Api, as_json: bool, path: str) -> None:
    """Bring a deleted remote file back."""
    namespace, wanted = remote(path)
    rows = [row | {"path": row["path"].strip("/")} for row in api.items(f"{PATH}/deleted", namespace=namespace)]
    found = names.pick(rows, wanted, "deleted file", "path")
    show(api.post(f"{PATH}/deleted/{found['id']}/restore"), as_json, f"{path} is back.")


@api_command(storage, "share")
@click.argument("path")
@click.option("--hours", default=24, show_default=True, type=click.IntRange(1, 24 * 365))
def storage_share(api: Api, as_json: bool, path: str, hours: int) -> None:
    """A link to a file, for whoever has it."""
    answer = api.post(f"{PATH}/objects/{find_object(api, path)['id']}/links", {"hours": hours})
    show(answer, as_json, str(answer.get("url") or "The link was shown before."))
