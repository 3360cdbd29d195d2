"""Books on a real PostgreSQL with the test's own clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.domains.billing.books import Books

if TYPE_CHECKING:
    from app.shared.context import Runtime
    from tests.fixtures.clock import FakeClock


@pytest.fixture
def books(runtime: Runtime, clock: FakeClock) -> Books:
    """A tenant; `await books.open(credit)` gives it accounts and credit."""
    runtime.clock = clock
    return Books(runtime, clock)
