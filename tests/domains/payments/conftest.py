"""Ada's organisation, a simulated Stripe on a real socket that delivers to our own webhook route on another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.domains.payments.buyer import Buyer
from tests.fixtures.app import Browser, SignIn
from tests.simulators.stripe_world import SECRET_KEY, WEBHOOK_SECRET, stripe_world

if TYPE_CHECKING:
    from app.shared.context import Runtime


@pytest.fixture
async def ada(sign_in_as: SignIn) -> Browser:
    return await sign_in_as("ada")


@pytest.fixture
async def buyer(runtime: Runtime, ada: Browser, tmp_path: Path) -> AsyncIterator[Buyer]:
    """Webhooks are collected, not delivered: a test says when, how often and in which order they arrive."""
    async with AsyncExitStack() as stack:
        buyer = Buyer(runtime, ada)
        world = await stack.enter_async_context(stripe_world(tmp_path / "stripe", buyer.mailbox))
        stripe = msgspec.structs.replace(
            runtime.settings.stripe,
            secret_key=SECRET_KEY,
            webhook_secret=f"whsec_older_one,{WEBHOOK_SECRET}",
            api_url=world.url,
        )
        runtime.settings = msgspec.structs.replace(runtime.settings, stripe=stripe)
        buyer.world = world
        yield buyer
