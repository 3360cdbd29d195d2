"""Every page that a person can reach by following links from where they start."""

import re
from collections import deque
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Page

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CHAPTER = re.compile(r"^(/developers/api/|/admin/fleet/|/admin/catalog/types/).+")
_LIMIT = 120
_SKIPPED = ("/static/", "/auth/", "/api/")
_NO_PAGE = "/download"  # leads to the bytes of a file


def reachable(page: Page, start: str) -> list[str]:
    """Paths of this portal, one for each kind of page: `/machines/<id>` is visited once, filters of a list not at all.

    Fails on a link that leads nowhere.
    """
    seen: dict[str, str] = {}
    waiting = deque([start])
    while waiting and len(seen) < _LIMIT:
        path = waiting.popleft()
        kind = kind_of(path)
        if kind in seen or kind.startswith(_SKIPPED) or kind.endswith(_NO_PAGE):
            continue
        answer = page.goto(path, wait_until="domcontentloaded")
        assert answer is not None and answer.ok, f"{path} answers {answer and answer.status}"
        landed = urlsplit(page.url)
        seen[kind] = path
        seen.setdefault(kind_of(landed.path), landed.path)
        waiting.extend(_links(page))
    return sorted({path for kind, path in seen.items()})


def kind_of(path: str) -> str:
    """What kind of page it is: ids and the names of chapters do not count."""
    return _CHAPTER.sub(r"\1NAME", _ID.sub("ID", urlsplit(path).path))


def _links(page: Page) -> list[str]:
    here = urlsplit(page.url)
    found = []
    for address in page.locator("a[href]").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))"):
        target = urlsplit(urljoin(page.url, address))
        if (target.scheme, target.netloc) == (here.scheme, here.netloc):
            found.append(target.path + (f"?{target.query}" if target.query else ""))
    return found
