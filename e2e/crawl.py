"""Every page that a person can reach by following links from where they start.

Links are read from what the server sends, so that finding the pages costs no rendering; whoever renders them finds what
a browser sees besides (`links`).
"""

import re
from collections import deque
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import APIRequestContext, Page

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CHAPTER = re.compile(r"^(/developers/api/|/admin/fleet/|/admin/catalog/types/).+")
_LIMIT = 120
_SKIPPED = ("/static/", "/auth/", "/api/")
_NO_PAGE = "/download"  # leads to the bytes of a file


def reachable(client: APIRequestContext, *starts: str) -> dict[str, str]:
    """Paths of this portal by kind of page: `/machines/<id>` is there once, the first that was found, filters of a list
    not at all.

    Fails on a link that leads nowhere.
    """
    seen: dict[str, str] = {}
    waiting = deque(starts)
    while waiting and len(seen) < _LIMIT:
        path = waiting.popleft()
        if not is_page(path) or kind_of(path) in seen:
            continue
        answer = client.get(path)
        assert answer.ok, f"{path} answers {answer.status}"
        seen[kind_of(path)] = path
        landed = urlsplit(answer.url).path
        seen.setdefault(kind_of(landed), landed)
        waiting.extend(_ours(_hrefs(answer.text()), answer.url))
    return seen


def links(page: Page) -> dict[str, str]:
    """Where the page in front of the browser leads to, by kind of page."""
    found = page.locator("a[href]").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
    return {kind_of(path): path for path in _ours(found, page.url) if is_page(path)}


def kind_of(path: str) -> str:
    """What kind of page it is: ids and the names of chapters do not count."""
    return _CHAPTER.sub(r"\1NAME", _ID.sub("ID", urlsplit(path).path))


def is_page(path: str) -> bool:
    """Whether a path of this portal leads to something that a person looks at."""
    return not kind_of(path).startswith(_SKIPPED) and not kind_of(path).endswith(_NO_PAGE)


def _ours(addresses: list[str], base: str) -> list[str]:
    here, found = urlsplit(base), []
    for address in addresses:
        target = urlsplit(urljoin(base, address))
        if (target.scheme, target.netloc) == (here.scheme, here.netloc):
            found.append(target.path + (f"?{target.query}" if target.query else ""))
    return found


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (address := dict(attrs).get("href")) is not None:
            self.found.append(address)


def _hrefs(html: str) -> list[str]:
    parser = _Links()
    parser.feed(html)
    return parser.found
