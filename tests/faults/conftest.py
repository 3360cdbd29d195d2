"""The probe runtime and the table of effects; a whole portal and a customer in front of it; chance with a seed."""

import os
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.faults.customer import Customer, new_customer
from tests.faults.stack import Stack, new_stack
from tests.fixtures.relay import ledger, runtime

__all__ = ["ledger", "runtime"]


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """A portal of this run's own, ready."""
    with new_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
async def customer(stack: Stack) -> AsyncIterator[Customer]:
    """An organisation with credit and a token."""
    async with new_customer(stack) as customer:
        yield customer


@pytest.fixture
def dice() -> random.Random:
    """Whatever is left to chance; `BERTH_FAULT_SEED` repeats a run."""
    seed = int(os.environ.get("BERTH_FAULT_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"BERTH_FAULT_SEED={seed}")
    return random.Random(seed)
