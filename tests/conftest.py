"""Fixtures for all tests. Every backing service is real, starts when a test first asks for it,ends with the session.

A test that needs real commits (deferred constraints, ledger, relay, double clicks) is marked `commits` and gets a
database of its own; every other one runs inside a transaction that is rolled back.
"""

import gc
import signal
import threading

import pytest
import structlog
from hypothesis import HealthCheck, settings

from devstack import assets

# A busy machine is no finding: no limit of time for one example.
settings.register_profile("berth", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("berth")

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.services",
    "tests.fixtures.clock",
    "tests.fixtures.answers",
    "tests.fixtures.app",
    "tests.fixtures.borders",
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True, scope="session")
def plain_logs() -> None:
    """One line an event: structlog's own default draws every local variable of a traceback, which takes seconds."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )


# Minutes long together: begun last, they would keep one worker busy while the others are done.
HEAVY = ("tests/faults/", "tests/devstack/", "tests/cli/", "tests/flows/", "tests/api/", "tests/machines/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Tests of one group go to one worker."""
    from tests.fixtures.scheduling import GROUPS, ByGroup

    return ByGroup(config, log, GROUPS.get)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The heaviest first; among the others the order stays what chance made of it."""
    items.sort(key=lambda item: (item.get_closest_marker("last") is not None, not item.nodeid.startswith(HEAVY)))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not walk it again and again."""
    gc.collect()
    gc.freeze()


def pytest_configure() -> None:
    """The bundles of pages are built. A test run that is told to end (`timeout`, CI) tidies up as after Ctrl-C: servers
    stop, their data is deleted."""
    assets.write()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
