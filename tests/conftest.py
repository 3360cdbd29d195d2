"""Fixtures for all tests. Every backing service is real, starts when a test first asks for it,ends with the session.

A test that needs real commits (deferred constraints, ledger, relay, double clicks) is marked `commits` and gets a
database of its own; every other one runs inside a transaction that is rolled back.
"""

import pytest

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.services",
    "tests.fixtures.clock",
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
