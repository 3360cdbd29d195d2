"""A database behind a relay that counts, and a store that answers."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio.connection import AbstractConnection

from tests.domains.storage.conftest import runtime, settings  # noqa: F401 - a project with a bucket
from tests.fixtures.postgres import DatabaseUrls, TestCluster
from tests.fixtures.wire import Asked, counting


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the services are asked; a pipeline to Valkey is sent as one."""
    asked = Asked()
    send = AbstractConnection.send_packed_command

    async def counted(self: AbstractConnection, *arguments: object, **named: object) -> None:
        asked.valkey += 1
        await send(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)
    return asked


@pytest.fixture
async def database(cluster: TestCluster, asked: Asked) -> AsyncIterator[DatabaseUrls]:
    """A database of its own, as the product reaches it."""
    with cluster.clone("budget") as urls:
        async with counting(urls.app, asked) as url:
            yield replace(urls, app=url)
