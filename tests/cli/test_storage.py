"""Files at the command line, with a real store: up in one piece and in parts, on after a cut, down, moved, back."""

import json

import msgspec
import pytest

from app.cli.client import storage

pytestmark = [pytest.mark.anyio, pytest.mark.commits]


@pytest.fixture
def settings(settings, s3):
    from app.settings import S3Settings

    place = S3Settings(
        url=s3.url, public_url=s3.url, access_key=s3.access_key, secret_key=s3.secret_key, bucket=s3.bucket
    )
    return msgspec.structs.replace(settings, s3=place)


@pytest.fixture
async def runtime(runtime):
    yield runtime
    from app.domains.storage.gateway.s3 import Bucket

    await runtime.part(Bucket).aclose()


async def test_a_file_goes_up_is_moved_deleted_brought_back_and_comes_down(here, ada, tmp_path) -> None:
    small = tmp_path / "notes.txt"
    small.write_text("hello")
    assert (await here(f"storage cp {small} berth:files/a/"))[0] == 0
    status, out, err = await here("storage ls berth:files/a")
    assert "notes.txt" in out, err
    status, _, err = await here(f"storage cp {small} berth:files/a/notes.txt")
    assert status in (0, 6), err  # the very same bytes are no conflict
    for words in (
        "storage mv berth:files/a/notes.txt berth:files/b/",
        "storage rm berth:files/b/notes.txt",
        "storage undo berth:files/b/notes.txt",
    ):
        status, _, err = await here(words)
        assert status == 0, (words, err)
    down = tmp_path / "down.txt"
    status, _, err = await here(f"storage cp berth:files/b/notes.txt {down}")
    assert status == 0, err
    assert down.read_text() == "hello"
    assert (await here(f"storage cp berth:files/b/notes.txt {down}"))[0] == 6
    assert (await here(f"storage cp berth:files/b/nothing {down} --overwrite"))[0] == 5
    status, out, err = await here("storage share berth:files/b/notes.txt --hours 1")
    assert status == 0, err
    assert "http" in out


async def test_a_large_file_goes_in_parts_and_an_upload_that_was_cut_goes_on(here, ada, tmp_path, monkeypatch) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 4096 * 18)  # 18 MiB
    sent: list[int] = []
    real = storage._put

    def cut(where, content: bytes) -> None:
        if len(sent) == 1:
            raise KeyboardInterrupt
        sent.append(len(content))
        real(where, content)

    monkeypatch.setattr(storage, "_put", cut)
    assert (await here(f"storage cp {large} berth:files/large.bin"))[0] == 130
    rest: list[int] = []
    monkeypatch.setattr(storage, "_put", lambda where, content: (rest.append(len(content)), real(where, content)))
    status, _, err = await here(f"storage cp {large} berth:files/large.bin")
    assert status == 0, err
    assert sum(rest) == large.stat().st_size - sent[0]
    status, out, _ = await here("storage ls berth:files --json")
    assert json.loads(out)["items"][0]["size"] == large.stat().st_size
    down = tmp_path / "down.bin"
    assert (await here(f"storage cp berth:files/large.bin {down}"))[0] == 0
    assert down.read_bytes() == large.read_bytes()
