"""What a browser must never do while somebody uses the portal: write errors, break the content policy, call strangers.

Every context of a test is watched; the findings fail the test at its end. The simulated payment page and identity
provider are other people's pages: what they write to the console is not ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebSocket

HOSTS = {"localhost", "127.0.0.1"}
# A violated policy is also written by the page itself, with its directive: the console's own words differ by version.
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`content policy: ${event.violatedDirective} refused ${event.blockedURI} in ${event.sourceFile}`));
"""


class Watch:
    """Collects findings of one browser context."""

    def __init__(self, context: BrowserContext, portal: str) -> None:
        self.findings: list[str] = []
        self._portal = portal
        self._losing = False
        self._refusals: set[int] = set()
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._add(f"uncaught: {error.error}", error.page))
        context.on("request", self._on_request)
        context.on("page", lambda page: page.on("websocket", self._on_websocket))

    @contextmanager
    def losing_the_network(self) -> Iterator[None]:
        """Inside, it is no finding that connections fail."""
        self._losing = True
        try:
            yield
        finally:
            self._losing = False

    def expect_refusals(self, *statuses: int) -> None:
        """Answers with these statuses are part of the journey (a refused form is a 4xx by design)."""
        self._refusals.update(statuses)

    def assert_clean(self) -> None:
        """Fails with everything that was found."""
        assert not self.findings, "the browser reported:\n" + "\n".join(f"  - {line}" for line in self.findings)

    def _add(self, text: str, page: Page | None) -> None:
        self.findings.append(f"{text}  (on {_path(page.url) if page else 'a closed page'})")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type != "error" or not self._is_ours(message):
            return
        if self._losing and ("net::ERR_" in message.text or "WebSocket connection" in message.text):
            return
        if "htmx:error: Failed to fetch" in message.text:
            return  # a refetch that ended with its page; a request that really failed has a line of its own: net::ERR_…
        if any(f"status of {status}" in message.text for status in self._refusals):
            return
        where = message.location.get("url", "")
        self._add(f"console: {message.text}{f' <{_path(where)}>' if where else ''}", message.page)

    def _is_ours(self, message: ConsoleMessage) -> bool:
        place = message.location.get("url") or (message.page.url if message.page else "")
        return place.startswith(self._portal) or not place.startswith("http")

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https") and not _is_here(url.hostname):
            self.findings.append(f"a request left this machine: {request.url[:200]}")

    def _on_websocket(self, socket: WebSocket) -> None:
        if not _is_here(urlsplit(socket.url).hostname):
            self.findings.append(f"a WebSocket left this machine: {socket.url[:200]}")


def _is_here(host: str | None) -> bool:
    """This computer, or the origin of an app on it."""
    return host in HOSTS or (host or "").endswith(".localhost")


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path or url[:80]
