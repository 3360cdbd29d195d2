"""Fixtures of the journeys: one portal, one Chromium, a fresh and watched browser context for every test.

On failure the trace, a picture of the page and every log of the portal are left in `e2e/results/<test>/`.
"""

import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from e2e.cable import Cable
from e2e.pictures import Pictures
from e2e.stack import ROOT, Stack, running_stack
from e2e.steps import Steps
from e2e.watch import Watch

RESULTS = ROOT / "e2e" / "results"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A container has no user namespaces for Chromium's sandbox and a small /dev/shm; every page here is our own.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb")
PATIENCE_MS = 20_000  # for anything to appear, on a machine that is busy with other tests
SHARED = pytest.StashKey[str]()  # the home of the portal that all workers share
REPORTS = pytest.StashKey[dict[str, pytest.TestReport]]()


def pytest_configure(config: pytest.Config) -> None:
    """A run that is told to end (`timeout`, CI) stops its portal as after Ctrl-C."""
    expect.set_options(timeout=PATIENCE_MS)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    item.stash.setdefault(REPORTS, {})[report.when] = report
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Before the first worker is there, the portal is: they share it."""
    if SHARED not in node.config.stash:
        ending = ExitStack()
        node.config.add_cleanup(ending.close)
        node.config.stash[SHARED] = str(ending.enter_context(running_stack()).home)
    node.workerinput["portal"] = node.config.stash[SHARED]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """One journey after the other, as each counts machines and money; pages are looked at beside them."""
    from tests.fixtures.scheduling import ByGroup

    return ByGroup(config, log, lambda file: None if file.endswith("/test_face.py") else "journeys")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport) and report.when == "teardown":
            for table in (value for name, value in report.user_properties if name == "steps"):
                terminalreporter.write_sep("-", f"seconds of {report.nodeid}")
                terminalreporter.write_line(str(table))


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The portal, ready. See e2e/stack.py for how to use one that runs already."""
    with running_stack(getattr(request.config, "workerinput", {}).get("portal")) as stack:
        yield stack


@pytest.fixture(scope="session")
def cable(stack: Stack) -> Iterator[Cable]:
    """What the browser reaches the portal through."""
    cable = Cable(urlsplit(stack.url).port or 80)
    yield cable
    cable.close()


@pytest.fixture(scope="session")
def file_cable(stack: Stack) -> Iterator[Cable]:
    """What the browser reaches the file store through."""
    cable = Cable(urlsplit(stack.files).port or 80)
    yield cable
    cable.close()


@pytest.fixture(scope="session")
def browser(stack: Stack, cable: Cable, file_cable: Cable) -> Iterator[Browser]:
    """Real Chromium: `BERTH_CHROMIUM` or the first on PATH."""
    path = os.environ.get("BERTH_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail("the journeys need Chromium: set BERTH_CHROMIUM or install chromium", pytrace=False)
    with sync_playwright() as playwright:
        ends = ((stack.url, cable), (stack.files, file_cable))
        rules = ", ".join(f"MAP {urlsplit(url).netloc} 127.0.0.1:{end.port}" for url, end in ends)
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, f"--host-resolver-rules={rules}"])
        yield browser
        browser.close()


class Visitor:
    """One person at one browser: the page in front of them, and what the browser says about it."""

    def __init__(self, context: BrowserContext, stack: Stack, steps: Steps) -> None:
        self.context = context
        self.stack = stack
        self.watch = Watch(context, stack.url)
        context.set_default_timeout(PATIENCE_MS)
        context.set_default_navigation_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()
        self.pictures = Pictures(self.page, steps)


Enter = Callable[..., Visitor]


@pytest.fixture
def enter(request: pytest.FixtureRequest, browser: Browser, stack: Stack, steps: Steps) -> Iterator[Enter]:
    """Opens watched browser contexts; keyword arguments are Playwright's (viewport, color_scheme, storage_state …)."""
    visitors: list[Visitor] = []

    def open_context(**options: object) -> Visitor:
        settings = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "timezone_id": "UTC"} | options
        context = browser.new_context(base_url=stack.url, **settings)
        context.tracing.start(snapshots=True)
        visitors.append(Visitor(context, stack, steps))
        return visitors[-1]

    yield open_context
    failed = any(report.failed for report in request.node.stash.get(REPORTS, {}).values())
    findings = [finding for visitor in visitors for finding in visitor.watch.findings]
    if failed or findings:
        _keep(request.node, visitors, stack)
    for visitor in visitors:
        visitor.context.close()
    if findings and not failed:
        pytest.fail("the browser reported:\n" + "\n".join(f"  - {line}" for line in findings), pytrace=False)


def _keep(node: pytest.Item, visitors: list[Visitor], stack: Stack) -> None:
    folder = RESULTS / re.sub(r"[^\w.-]+", "-", node.name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, visitor in enumerate(visitors, 1):
        visitor.context.tracing.stop(path=folder / f"trace-{number}.zip")
        for page in visitor.context.pages:
            page.screenshot(path=folder / f"page-{number}.png", timeout=5_000)
    stack.keep_logs(folder / "logs")
    print(f"\nkept in {folder.relative_to(ROOT)}; the portal's last words:\n{stack.tails()}")


@pytest.fixture
def steps(record_property: Callable[[str, object], None]) -> Iterator[Steps]:
    """Times the steps of this test; printed in the summary."""
    steps = Steps()
    yield steps
    if steps.seconds:
        record_property("steps", steps.table())
