"""What a page costs to load: requests and compressed bytes, seen from the browser with an empty cache.

Counted is what the page is made of. What it asks for afterwards, because something changed meanwhile, is not.
"""

import gzip
from dataclasses import dataclass

from playwright.sync_api import Page, Response

HTML_KB, CODE_KB, REQUESTS = 20, 60, 8
PARTS = ("document", "stylesheet", "script", "font", "image")


@dataclass(frozen=True)
class Weight:
    """Kilobytes are those of gzip, whatever the server in front of the portal does."""

    requests: int
    html_kb: float
    code_kb: float

    @property
    def is_light(self) -> bool:
        return self.requests <= REQUESTS and self.html_kb <= HTML_KB and self.code_kb <= CODE_KB

    def __str__(self) -> str:
        return f"{self.requests} requests, {self.html_kb:.1f} kB of HTML, {self.code_kb:.1f} kB of styles and scripts"


def load(page: Page, path: str) -> Weight:
    """Opens a page and weighs what came. Nothing may be cached: a fresh context, or one whose cache is off."""
    answers: list[Response] = []

    def heard(answer: Response) -> None:
        answers.append(answer)

    page.goto("about:blank")
    page.on("response", heard)
    page.goto(path, wait_until="networkidle")
    page.remove_listener("response", heard)
    parts = [answer for answer in answers if answer.ok and answer.request.resource_type in PARTS]
    sizes = dict.fromkeys(PARTS, 0)
    for answer in parts:
        sizes[answer.request.resource_type] += len(gzip.compress(answer.body(), 6))
    return Weight(len(parts), sizes["document"] / 1000, (sizes["stylesheet"] + sizes["script"]) / 1000)
