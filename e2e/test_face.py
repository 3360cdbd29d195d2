"""Every page that a customer or an operator can reach: accessible, whole at any width, silent, light, readable.

The pages are found by following links from the start, so a new page is held to this as soon as somebody links to it.
What the browser writes to its console or asks of other hosts fails these tests too (e2e/watch.py).
"""

from collections import deque
from collections.abc import Iterator
from uuid import uuid4
from zlib import crc32

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from e2e import axe, stories, weight
from e2e.conftest import Enter
from e2e.crawl import links, reachable
from e2e.pages.frame import Frame
from e2e.pages.sign_in import sign_in_as
from e2e.stack import Stack

PEOPLE = {"customer": "Ada Marsh", "operator": "Olga Lind"}
STARTS = {"customer": "/", "operator": "/admin"}
SHARES = {"customer": 2, "operator": 3}  # how many tests the pages of each are shared out among
PARTS = [(role, part) for role, share in SHARES.items() for part in range(share)]
READABLE = ("/catalog", "/billing", "/machines")
WIDTHS = (1440, 360)
THEMES = ("light", "dark")
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def sessions(browser: Browser, stack: Stack) -> dict[str, StorageState]:
    """Both people signed in once; every test takes a copy of the cookies."""
    states = {}
    for role, name in PEOPLE.items():
        context = browser.new_context(base_url=stack.url)
        sign_in_as(context.new_page(), stack.issuer, stack.url, name)
        states[role] = context.storage_state()
        context.close()
    return states


@pytest.fixture(scope="module")
def machine(browser: Browser, stack: Stack, sessions: dict[str, StorageState]) -> Iterator[str]:
    """The customer has money and a running machine, so that there is something on every page."""
    name = f"face-{uuid4().hex[:6]}"
    context = browser.new_context(base_url=stack.url, storage_state=sessions["customer"])
    page = context.new_page()
    page.goto("/")
    stories.pay(page, stack, "$25.00")
    yield stories.launch(page, "EPYC 96 cores", name)
    stories.give_back(page, name)
    context.close()


@pytest.fixture(scope="module")
def pages(browser: Browser, stack: Stack, sessions: dict[str, StorageState], machine: str) -> dict[str, dict[str, str]]:
    """What each of them can reach, by kind of page."""
    found = {}
    for role, state in sessions.items():
        context = browser.new_context(base_url=stack.url, storage_state=state)
        own = (machine,) if role == "customer" else ()  # first: machines of other tests are released meanwhile
        found[role] = reachable(context.request, *own, STARTS[role])
        context.close()
    assert any(path.endswith("/terminal") for path in found["customer"].values()), found
    return found


@pytest.mark.parametrize(("role", "part"), PARTS)
def test_every_page_is_accessible_fits_in_both_themes_and_is_light(
    enter: Enter, sessions: dict[str, StorageState], pages: dict[str, dict[str, str]], role: str, part: int
) -> None:
    page = enter(storage_state=sessions[role], reduced_motion="reduce").page
    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    problems, known = [], dict(pages[role])
    waiting = deque(kind for kind in sorted(known) if crc32(kind.encode()) % SHARES[role] == part)
    while waiting:
        problems += _problems(page, known[waiting.popleft()])
        others = {kind: path for kind, path in links(page).items() if kind not in known}
        known |= others
        waiting.extend(others)
    assert not problems, "\n" + "\n".join(problems)


def _problems(page: Page, path: str) -> list[str]:
    """What is wrong with a page that is opened once, wide and light, and then made narrow and dark."""
    found = []
    for width, theme in zip(WIDTHS, THEMES, strict=True):  # neither depends on the other
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme)
        if width == WIDTHS[0]:
            found += _opened(page, path)
        if (over := page.evaluate(OVERFLOW)) > 0:
            found.append(f"{path} at {width} px: {over} px wider than the window")
        found += [f"{path} at {width} px, {theme}: {line}" for line in axe.violations(page)]
    return found


def _opened(page: Page, path: str) -> list[str]:
    """Open the page; what is wrong with its weight. A whole terminal comes with its page, once, and is not weighed."""
    if path.endswith("/terminal"):
        page.goto(path)
        return []
    loaded = weight.load(page, path)
    return [] if loaded.is_light else [f"{path}: {loaded}"]


@pytest.mark.parametrize("path", READABLE)
def test_a_page_reads_without_scripts(enter: Enter, sessions: dict[str, StorageState], path: str) -> None:
    page = enter(storage_state=sessions["customer"], java_script_enabled=False).page
    answer = page.goto(path)
    assert answer is not None and answer.status == 200
    frame = Frame(page)
    expect(frame.title).to_be_visible()
    expect(frame.pill).to_contain_text("$")
    expect(frame.main.get_by_role("table").or_(frame.main.get_by_role("heading", level=2)).first).to_be_visible()


def test_the_operator_finds_every_node(enter: Enter, sessions: dict[str, StorageState], stack: Stack) -> None:
    visitor = enter(storage_state=sessions["operator"])
    page, frame = visitor.page, Frame(visitor.page)
    page.goto("/admin/nodes")
    expect(frame.title).to_have_text("Nodes")
    nodes = page.get_by_role("table", name="Nodes").get_by_role("rowheader")
    expect(nodes).to_have_count(min(stack.status["fleet"], 50))
    visitor.pictures.take("operator-nodes")
    nodes.first.get_by_role("link").click()
    expect(frame.main.get_by_role("table", name="Slots")).to_be_visible()
    visitor.pictures.take("operator-node")
