"""Files through the browser: many at once, the network cut, the page reloaded, everything there byte for byte."""

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, Request, expect

from e2e.cable import Cable
from e2e.conftest import Enter, Visitor
from e2e.pages.sign_in import sign_in_as
from e2e.pages.storage import Folder, Storage, sha256
from e2e.stack import Stack
from e2e.steps import Steps

MIB = 1 << 20
GIB = 1 << 30


def _random_file(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for start in range(0, size, 4 * MIB):
            file.write(os.urandom(min(4 * MIB, size - start)))
    return path


def _arrive(visitor: Visitor, stack: Stack) -> Folder:
    """Ada, in a namespace that nobody has used."""
    sign_in_as(visitor.page, stack.issuer, stack.url, "Ada Marsh")
    return Storage(visitor.page).open().create(f"e2e-{uuid4().hex[:8]}")


def _is_to_the_store(stack: Stack) -> Callable[[Request], bool]:
    """Of a request: whether it sent bytes, so that a cut is known to have been felt."""
    return lambda request: request.method == "PUT" and request.url.startswith(stack.files)


class Parts:
    """Counts what the page sends to the file store."""

    def __init__(self, page: Page, stack: Stack) -> None:
        self.sent: list[str] = []
        self._origin = stack.files
        page.on("request", self._on_request)

    def _on_request(self, request: Request) -> None:
        if request.method == "PUT" and request.url.startswith(self._origin):
            self.sent.append(request.url)

    def numbers(self) -> set[int]:
        """The numbers of the parts that were tried."""
        found = (re.search(r"partNumber=(\d+)", url) for url in self.sent)
        return {int(number[1]) for number in found if number}


def test_many_files_a_cut_a_reload_a_look_and_undo(
    enter: Enter, stack: Stack, cable: Cable, file_cable: Cable, steps: Steps, tmp_path: Path
) -> None:
    visitor = enter(accept_downloads=True)
    page = visitor.page
    small = [_random_file(tmp_path / "run" / f"step-{number:02}.bin", 2_000 + number) for number in range(19)]
    (tmp_path / "run" / "notes.html").write_text("<script>alert('no')</script> loss is falling")
    big = _random_file(tmp_path / "weights.bin", 30 * MIB)
    with steps.step("sign in, make a namespace"):
        folder = _arrive(visitor, stack)
        parts = Parts(page, stack)
        other = visitor.context.new_page()  # somebody else looks at the same folder
        other.goto(page.url)
        page.bring_to_front()
    with steps.step("20 files and 30 MiB, with a cut"):
        folder.choose_folder(tmp_path / "run")
        with page.expect_request(lambda request: request.method == "PUT" and "partNumber=1&" in request.url):
            folder.choose(big)
        with visitor.watch.losing_the_network(), page.expect_event("requestfailed", _is_to_the_store(stack)):
            with cable.cut(), file_cable.cut():
                page.wait_for_timeout(700)  # outlasts what is on its way: the length of the cut
        with visitor.watch.losing_the_network():
            folder.expect_uploaded(21)
        visitor.pictures.take("storage")
    with steps.step("byte for byte, and seen by others without a reload"):
        other.bring_to_front()
        expect(other.get_by_role("link", name="weights.bin", exact=True)).to_be_visible()
        other.close()
        assert folder.downloaded_sha256("weights.bin") == sha256(big)
        folder.enter("run")
        expect(folder.rows).to_have_count(20)
        assert folder.downloaded_sha256(small[7].name) == sha256(small[7])
    with steps.step("hostile text is shown as text"):
        folder.rows.get_by_role("link", name="notes.html").click()
        expect(page.get_by_label("The start of notes.html")).to_contain_text("<script>alert('no')</script>")
        page.go_back()
    with steps.step("delete, undo"):
        folder.delete("notes.html")
        expect(folder.rows).to_have_count(19)
        folder.undo()
        expect(folder.rows).to_have_count(20)
    with steps.step("cut, reload, choose again: what has arrived is not sent again"):
        _go_on_after_a_reload(visitor, file_cable, folder, parts, _random_file(tmp_path / "more.bin", 40 * MIB))


def _go_on_after_a_reload(visitor: Visitor, file_cable: Cable, folder: Folder, parts: Parts, file: Path) -> None:
    page = visitor.page
    parts.sent.clear()
    arrived, last = re.compile(r"partNumber=[12]&"), re.compile(r"partNumber=5&")
    page.route(last, lambda route: None)  # so that it is not finished before the cut, however fast this computer is
    with page.expect_response(lambda answer: bool(arrived.search(answer.url)) and answer.status == 200):
        folder.choose(file)
    with visitor.watch.losing_the_network(), file_cable.cut():
        page.reload()
    page.unroute(last)
    expect(folder.offer).to_contain_text("more.bin was not finished")
    tried_before = parts.numbers()
    parts.sent.clear()
    folder.choose(file)
    folder.expect_uploaded(1)
    assert tried_before and len(parts.numbers()) < 5  # of five parts at least one had arrived
    assert folder.downloaded_sha256("more.bin") == sha256(file)


@pytest.mark.slow
def test_two_gigabytes_and_a_thousand_files_with_a_cut_in_the_middle(
    enter: Enter, stack: Stack, cable: Cable, file_cable: Cable, steps: Steps, tmp_path: Path
) -> None:
    visitor = enter(accept_downloads=True)
    page = visitor.page
    with steps.step("make the files"):
        big = _random_file(tmp_path / "dataset.tar", 2 * GIB)
        for number in range(1_000):
            _random_file(tmp_path / "many" / f"{number % 10}" / f"sample-{number:04}.bin", 200 + number * 7)
    folder = _arrive(visitor, stack)
    before = _memory(page)
    with steps.step("2 GiB and 1,000 files, with cuts of 1 s and 3 s"):
        folder.choose_folder(tmp_path / "many")
        folder.choose(big)
        page.wait_for_function("sum => /^[3-9]\\d\\d of/.test(sum.textContent)", arg=folder.summary.element_handle())
        with visitor.watch.losing_the_network(), page.expect_event("requestfailed", _is_to_the_store(stack)):
            with cable.cut(), file_cable.cut():
                page.wait_for_timeout(1_000)  # outlasts what is on its way: a first cut, among the small ones
        bar = folder.uploader.get_by_role("progressbar", name="All uploads")
        page.wait_for_function("bar => bar.value > 0.4 * bar.max", arg=bar.element_handle(), timeout=600_000)
        during = _memory(page)
        with visitor.watch.losing_the_network():
            with page.expect_event("requestfailed", _is_to_the_store(stack)), cable.cut(), file_cable.cut():
                page.wait_for_timeout(3_000)  # outlasts what is on its way: the length of the second
            folder.expect_uploaded(1_001, 900_000)
        after = _memory(page)
    print(f"script memory MiB: before {before:.0f}, during {during:.0f}, after {after:.0f}")
    assert max(during, after) - before < 256  # a file of 2 GiB is never in it
    with steps.step("byte for byte"):
        assert folder.downloaded_sha256("dataset.tar") == sha256(big)
        stored = _stored(page, folder)
        assert len(stored) == 1_000
        for path in (tmp_path / "many").rglob("*.bin"):
            assert stored[path.relative_to(tmp_path).as_posix()] == (path.stat().st_size, _digest(path)), path


def _memory(page: Page) -> float:
    """MiB that the page's scripts hold, buffers of files included."""
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.collectGarbage")
    used = client.send("Runtime.getHeapUsage")
    return float(used["usedSize"] + used.get("backingStorageSize", 0)) / MIB


def _digest(path: Path) -> str:
    return base64.b64encode(bytes.fromhex(sha256(path))).decode()


def _stored(page: Page, folder: Folder) -> dict[str, tuple[int, str]]:
    """Size and checksum of what the store has below `many`, over the API: the checksum is the one that S3 counted."""
    namespace = page.url.rpartition("/")[2].partition("?")[0]
    found: dict[str, tuple[int, str]] = {}
    cursor = ""
    while True:
        query = f"namespace={namespace}&q=sample-&limit=200" + (f"&cursor={cursor}" if cursor else "")
        body = page.evaluate(
            "address => fetch(address).then((answer) => answer.json())", f"/api/v1/storage/objects?{query}"
        )
        found |= {item["path"]: (item["size"], item["checksum"]) for item in body["items"]}
        cursor = body["next_cursor"]
        if cursor is None:
            return found
