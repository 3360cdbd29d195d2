"""Fixtures shared by the simulators' tests."""

from collections.abc import AsyncIterator

import httpx2
import pytest


@pytest.fixture
async def browser() -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a cookie jar that does not follow redirects by itself."""
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
        yield client
