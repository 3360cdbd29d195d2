"""A mail server for the tests of notification."""

import msgspec
import pytest

from tests.simulators.smtp_world import mail_world


@pytest.fixture
async def post(tmp_path, runtime):
    """A real (simulated) mail server; the runtime sends there."""
    async with mail_world(tmp_path / "smtp") as world:
        runtime.settings = msgspec.structs.replace(runtime.settings, mail=world.settings)
        yield world
